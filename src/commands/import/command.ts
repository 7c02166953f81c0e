import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunJob } from '../job';
import type { ImportOptions } from './import-options';

function wholeNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Write a whole number.');
}

/** Adds the command that imports accounts. */
export function addImport(admin: Command, run: RunJob): void {
  admin
    .command('import')
    .argument('<file>', 'with an account on each line; - for standard input')
    .description('Import accounts of another system, with their password hashes. Nodes may run.')
    .addOption(
      new Option('--format <format>', 'of the file')
        .choices(['tokenfence', 'auth0', 'firebase'])
        .default('tokenfence'),
    )
    .option('--hash-key <base64>', "Firebase's signer key, or @FILE that holds it")
    .option('--salt-separator <base64>', "Firebase's salt separator", 'Bw==')
    .option('--rounds <number>', "Firebase's rounds", wholeNumber, 8)
    .option('--mem-cost <number>', "Firebase's memory cost", wholeNumber, 14)
    .action((file: string, options: ImportOptions) =>
      run(async () => {
        const { importing } = await import('./import-job.js');
        return importing(file, options);
      }),
    );
}
