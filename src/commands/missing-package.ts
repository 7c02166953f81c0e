/**
 * Says in a sentence what to install, where the packages of the server are not there. They are another package,
 * `tokenfence-server`: a service that only checks tokens does without them.
 *
 * @returns the sentence, or `undefined` for any other error
 */
export function missingPackage(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'MODULE_NOT_FOUND') return undefined;
  const name = /^Cannot find module '([^'./][^']*)'/.exec((error as Error).message)?.[1];
  if (name === undefined) return undefined;
  return (
    `The package ${name}, which the server needs, is not installed: install tokenfence-server beside tokenfence. ` +
    'If it is installed, give the server a folder of its own: another version of a package keeps npm from it here.'
  );
}
