import { StartError } from '../core/start-error';

/**
 * Says what to install if a package of the server is missing. They belong to another package, `tokenfence-server`: a
 * service that only checks tokens does not need them.
 *
 * @returns `undefined` for any other error
 */
export function missingPackage(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'MODULE_NOT_FOUND') return undefined;
  const name = /^Cannot find module '([^'./][^']*)'/.exec((error as Error).message)?.[1];
  if (name === undefined) return undefined;
  return (
    `The server needs the package ${name}, which is not installed. Install tokenfence-server beside tokenfence. ` +
    'If it is installed, use a separate folder for the server: here another version of a package is in its way.'
  );
}

/** Explains an error to a person: as a sentence if they can fix it, otherwise with the stack. */
export function explain(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return missingPackage(error) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error));
}
