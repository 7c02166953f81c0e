#!/usr/bin/env node
import { missingPackage } from './commands/missing-package';
import { version } from './commands/version';

const USAGE = `Usage: tokenfence [start | admin create|redis|lease|restored | doctor | --help | --version]
`;

/** Answers what needs no package, where those of the server are not installed. */
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

// Imported here and not at the top, where a missing package would be a stack instead of a sentence.
import('./commands/run.js').then(({ run }) => run(process.argv.slice(2))).catch(withoutPackages);
