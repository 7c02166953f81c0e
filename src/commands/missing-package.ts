/**
 * The sentence for an installation without the packages of the server, `undefined` for any other error. npm leaves out,
 * without a word, an optional package that it could not fetch, or that does not run on this version of Node.
 */
export function missingPackage(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'MODULE_NOT_FOUND') return undefined;
  const name = /^Cannot find module '([^'./][^']*)'/.exec((error as Error).message)?.[1];
  if (name === undefined) return undefined;
  return (
    `The package ${name}, which the server needs, is not installed: install tokenfence without --omit=optional, ` +
    'on Node 20.19, 22.13 or 24.11 or later.'
  );
}
