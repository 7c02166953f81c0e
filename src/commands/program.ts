import { Argument, Command, InvalidArgumentError } from 'commander';
import { isWithin, LEASE_LIMITS, parseDuration } from '../config/settings';

/** What the commands do. Each handler gets arguments that were checked. */
export interface Handlers {
  start(): Promise<void>;
  createAdministrator(email: string): Promise<void>;
  switchRedis(state: 'on' | 'off'): Promise<void>;
  /** @param lease ms */
  changeLease(lease: number): Promise<void>;
  restored(): Promise<void>;
  doctor(): Promise<void>;
}

function leaseOf(text: string): number {
  const lease = parseDuration(text);
  if (lease !== undefined && isWithin(lease, LEASE_LIMITS)) return lease;
  throw new InvalidArgumentError(
    `Write a duration from ${LEASE_LIMITS.from} to ${LEASE_LIMITS.to}, like 500ms.`,
  );
}

function addAdmin(program: Command, handlers: Handlers): void {
  const admin = program.command('admin').description('Change what is kept in the database.');
  admin
    .command('create')
    .argument('<email>', 'of the account')
    .description(
      'Make an administrator. ADMIN_PASSWORD is the password; without it one is made and shown once.',
    )
    .action((email: string) => handlers.createAdministrator(email));
  admin
    .command('redis')
    .addArgument(new Argument('<state>', 'whether the nodes use Redis').choices(['on', 'off']))
    .description('Let the nodes start with REDIS_URL only, or without it only. Stop all nodes first.')
    .action((state: 'on' | 'off') => handlers.switchRedis(state));
  admin
    .command('lease')
    .argument('<duration>', `from ${LEASE_LIMITS.from} to ${LEASE_LIMITS.to}`, leaseOf)
    .description('Change the REVOCATION_LEASE that the nodes start with. Stop all nodes first.')
    .action((lease: number) => handlers.changeLease(lease));
  admin
    .command('restored')
    .description(
      'Discard what Redis learned after the backup. Run it after a restore, before the nodes start.',
    )
    .action(() => handlers.restored());
}

/**
 * The command line. Parsing throws `CommanderError` for what is unknown, after a sentence with the nearest word was
 * written to standard error; nothing is run then.
 */
export function createProgram(version: string, handlers: Handlers): Command {
  // First of all: commands that are added later inherit it.
  const program = new Command('tokenfence').exitOverride();
  program
    .description('A GraphQL authentication API whose acknowledged logouts are final on every node.')
    .version(version)
    .showHelpAfterError('See tokenfence --help. Settings are environment variables.')
    .addHelpText('after', '\nSettings are environment variables: see docs/settings.md.');
  program
    .command('start')
    .description('Start the server. The default.')
    .action(() => handlers.start());
  addAdmin(program, handlers);
  program
    .command('doctor')
    .description('Check the settings, Postgres and Redis, and say what to do about each fault.')
    .action(() => handlers.doctor());
  return program;
}
