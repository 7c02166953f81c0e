import { ConfigError } from '../config/config';
import { StartError } from '../core/start-error';
import { FolderTakenError } from '../embedded/pglite';
import { missingPackage } from './missing-package';

/** What went wrong, for a person: a sentence where they can mend it, and the stack where they cannot. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartError || error instanceof FolderTakenError)
    return error.message;
  return missingPackage(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
}
