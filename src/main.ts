#!/usr/bin/env node
import { missingPackage } from './server/explain';
import { version } from './server/version';

const USAGE = `Usage: tokenfence [start | guard | admin <command> | doctor | --help | --version]
`;

/**
 * Answers `--help` and `--version` if the server's packages are not installed; for other commands says what to install.
 */
function withoutPackages(error: unknown): void {
  const missing = missingPackage(error);
  if (missing === undefined) throw error;
  const [word] = process.argv.slice(2);
  if (word === '--version' || word === '-V') {
    process.stdout.write(`${version}\n`);
  } else if (word === '--help' || word === '-h' || word === 'help') {
    process.stdout.write(`${USAGE}\n${missing}\n`);
  } else {
    process.stderr.write(`Tokenfence did not start.\n${missing}\n`);
    process.exitCode = 1;
  }
}

/** Runs the command. Modules are imported here, so that a missing package gives a sentence instead of a stack. */
async function main(words: readonly string[]): Promise<void> {
  // The guard needs none of the server's packages, not even the one that reads commands.
  if (words.length === 1 && words[0] === 'guard') (await import('./commands/guard.js')).serveGuard();
  else await (await import('./commands/run.js')).run(words);
}

main(process.argv.slice(2)).catch(withoutPackages);
