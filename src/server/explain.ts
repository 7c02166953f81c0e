import { ConfigError } from '../config/read-config';
import { StartError } from '../core/start-error';
import { FolderTakenError } from '../embedded/pglite';
import { missingPackage } from './missing-package';

/** Explains an error to a person: as a sentence if they can fix it, otherwise with the stack. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartError || error instanceof FolderTakenError)
    return error.message;
  return missingPackage(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
}
