import { Argument, Command, InvalidArgumentError } from 'commander';
import { isWithin, LEASE_LIMITS, parseDuration } from '../config/settings';

/** The commands. Their arguments were checked. */
export interface Handlers {
  start(): Promise<void>;
  createAdministrator(email: string): Promise<void>;
  switchRedis(state: 'on' | 'off'): Promise<void>;
  /** @param lease ms */
  changeLease(lease: number): Promise<void>;
  restored(): Promise<void>;
  reseal(): Promise<void>;
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
  const admin = program.command('admin').description('Change accounts and settings in the database.');
  admin
    .command('create')
    .argument('<email>', 'of the account')
    .description(
      'Create an administrator with the password ADMIN_PASSWORD, or a generated one, which is shown once.',
    )
    .action((email: string) => handlers.createAdministrator(email));
  admin
    .command('redis')
    .addArgument(new Argument('<state>', 'whether the nodes use Redis').choices(['on', 'off']))
    .description('Let nodes start only with REDIS_URL, or only without it. Stop all nodes first.')
    .action((state: 'on' | 'off') => handlers.switchRedis(state));
  admin
    .command('lease')
    .argument('<duration>', `from ${LEASE_LIMITS.from} to ${LEASE_LIMITS.to}`, leaseOf)
    .description('Change the REVOCATION_LEASE that nodes start with. Stop all nodes first.')
    .action((lease: number) => handlers.changeLease(lease));
  admin
    .command('restored')
    .description(
      'Discard what Redis learned after the backup. Run it after a restore, before the nodes start.',
    )
    .action(() => handlers.restored());
  admin
    .command('reseal')
    .description('Encrypt the keys in the database with SECRET instead of OLD_SECRET. Nodes may run.')
    .action(() => handlers.reseal());
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
  addAdmin(program, handlers);
  program
    .command('doctor')
    .description('Check the settings, Postgres and Redis, and say how to fix each fault.')
    .action(() => handlers.doctor());
  return program;
}
