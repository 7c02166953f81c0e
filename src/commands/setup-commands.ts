import { Argument, type Command, InvalidArgumentError } from 'commander';
import { isWithin, LEASE_LIMITS, parseDuration } from '../config/settings';
import type * as Admin from './admin';
import type { LoadJob, RunJob } from './job';
import type { MigrateOptions } from './migrate';

function leaseOf(text: string): number {
  const lease = parseDuration(text);
  if (lease !== undefined && isWithin(lease, LEASE_LIMITS)) return lease;
  throw new InvalidArgumentError(
    `Write a duration from ${LEASE_LIMITS.from} to ${LEASE_LIMITS.to}, like 500ms.`,
  );
}

const task =
  (of: (admin: typeof Admin) => Admin.Task): LoadJob =>
  async () => {
    const admin = await import('./admin.js');
    return (env) => admin.administer(of(admin), env);
  };

/** Adds the commands that set up a database, or change what all nodes share. */
export function addSetupCommands(admin: Command, run: RunJob): void {
  admin
    .command('create')
    .argument('<email>', 'of the account')
    .description(
      'Create an administrator with the password ADMIN_PASSWORD, or a generated one, which is shown once.',
    )
    .action((email: string) => run(task(({ creating }) => creating(email))));
  admin
    .command('migrate')
    .option('--grant <role>', 'also let this role do what a node needs')
    .description(
      'Run the migrations, as the owner of the tables. Then nodes may use a role that owns nothing.',
    )
    .action(async (options: MigrateOptions) => {
      const { migrating } = await import('./migrate.js');
      await run(task(() => migrating(options)));
    });
  admin
    .command('redis')
    .addArgument(new Argument('<state>', 'whether the nodes use Redis').choices(['on', 'off']))
    .description('Let nodes start only with REDIS_URL, or only without it. Stop all nodes first.')
    .action((state: 'on' | 'off') => run(task(({ switching }) => switching(state))));
  admin
    .command('lease')
    .argument('<duration>', `from ${LEASE_LIMITS.from} to ${LEASE_LIMITS.to}`, leaseOf)
    .description('Change the REVOCATION_LEASE that nodes start with. Stop all nodes first.')
    .action((lease: number) => run(task(({ leasing }) => leasing(lease))));
  admin
    .command('restored')
    .description(
      'Discard what Redis learned after the backup. Run it after a restore, before the nodes start.',
    )
    .action(() => run(task(({ RESTORED }) => RESTORED)));
  admin
    .command('reseal')
    .description('Encrypt the keys in the database with SECRET instead of OLD_SECRET. Nodes may run.')
    .action(async () => {
      const { RESEAL } = await import('./reseal.js');
      await run(task(() => RESEAL));
    });
}
