#!/usr/bin/env node

/**
 * The sentence for an installation that has left out what only the server needs: those packages are optional, since who
 * only checks tokens does without them. npm also leaves out, without a word, what it could not fetch and what does not
 * run on this version of Node.
 */
function whatIsMissing(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | undefined)?.code !== 'MODULE_NOT_FOUND') return undefined;
  const name = /^Cannot find module '([^'./][^']*)'/.exec((error as Error).message)?.[1];
  if (name === undefined) return undefined;
  return (
    `The package ${name}, which the server needs, is not installed: install tokenfence without --omit=optional, ` +
    'on Node 20.19, 22.13 or 24.11 or later.'
  );
}

// Imported here and not at the top, where a missing package would be a stack instead of a sentence.
import('./serve.js').then(
  ({ serve }) => serve(),
  (error: unknown) => {
    const missing = whatIsMissing(error);
    if (missing === undefined) throw error;
    process.stderr.write(`Tokenfence did not start.\n${missing}\n`);
    process.exit(1);
  },
);
