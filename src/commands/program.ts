import { Command } from 'commander';
import { addAccountCommands } from './account-commands';
import { addImport } from './import/command';
import type { RunJob } from './job';
import { addSetupCommands } from './setup-commands';

/** What the commands do. Their arguments were checked. */
export interface Handlers {
  start(): Promise<void>;
  guard(): Promise<void>;
  doctor(): Promise<void>;
  /** Runs the job of a command of `admin`. */
  readonly administer: RunJob;
}

/**
 * Creates the command line. For an unknown command, parsing writes a sentence with the nearest one to standard error
 * and throws `CommanderError`.
 */
export function createProgram(version: string, handlers: Handlers): Command {
  // Must come first: commands that are added later inherit it.
  const program = new Command('tokenfence').exitOverride();
  program
    .description('A GraphQL authentication API: an acknowledged logout is final on every node.')
    .version(version)
    .showHelpAfterError('See tokenfence --help. Settings are environment variables.')
    .addHelpText('after', '\nSettings are environment variables: see docs/settings.md.');
  program
    .command('start')
    .description('Start the server. The default.')
    .action(() => handlers.start());
  program
    .command('guard')
    .description('Answer checks of tokens for proxies and services, at /verify: see docs/verify.md.')
    .action(() => handlers.guard());
  const admin = program.command('admin').description('Change accounts and settings in the database.');
  addAccountCommands(admin, handlers.administer);
  addSetupCommands(admin, handlers.administer);
  addImport(admin, handlers.administer);
  program
    .command('doctor')
    .description('Check the settings, Postgres and Redis, and say how to fix each fault.')
    .action(() => handlers.doctor());
  return program;
}
