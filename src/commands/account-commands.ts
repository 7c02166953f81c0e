import { type Command, InvalidArgumentError } from 'commander';
import { LONGEST_REASON } from '../core/account';
import { isRole } from '../core/shape';
import type * as Accounts from './account-tasks';
import type { Job, LoadJob, RunJob } from './job';

/** Users on a page, as in the API. */
const MOST_USERS = 100;

function countOf(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= MOST_USERS) return count;
  throw new InvalidArgumentError(`Write a number from 1 to ${MOST_USERS}.`);
}

function reasonOf(text: string): string {
  if (text.length <= LONGEST_REASON) return text;
  throw new InvalidArgumentError(`Write at most ${LONGEST_REASON} characters.`);
}

function roleOf(text: string): string {
  if (isRole(text)) return text;
  throw new InvalidArgumentError('Write USER, ADMIN, or one of ROLES.');
}

const job =
  (of: (accounts: typeof Accounts) => Job): LoadJob =>
  async () =>
    of(await import('./account-tasks.js'));

const EXIT_TEXT = `
Exit codes: 0 done and confirmed, 1 failed, 2 wrong usage, 3 done but not confirmed, 4 no such user.
See docs/admin.md.`;

/** Adds the commands on accounts. They may run beside nodes. */
export function addAccountCommands(admin: Command, run: RunJob): void {
  const command = (name: string, description: string) =>
    admin.command(name).description(description).addHelpText('after', EXIT_TEXT);
  const onUser = (name: string, description: string) =>
    command(name, description).argument('<user>', 'the email or the id');
  const withReason = (one: Command) =>
    one.option('--reason <text>', 'the reason, kept in the audit log', reasonOf);
  const withYes = (one: Command) => one.option('--yes', 'do not ask for a confirmation');

  command('list', 'List users, oldest first; with --search, in the order of their emails.')
    .option('--search <text>', 'only emails that begin with this')
    .option('--first <number>', `how many, 1 to ${MOST_USERS}`, countOf, 50)
    .option('--after <cursor>', 'the page after this one')
    .option('--json', 'as one JSON object')
    .action((options: Accounts.ListOptions) => run(job(({ listing }) => listing(options))));
  withReason(onUser('disable', 'End all sessions and tokens of a user, and refuse sign-in.')).action(
    (user: string, options: { reason?: string }) => run(job(({ disabling }) => disabling(user, options))),
  );
  onUser('enable', 'Allow a disabled user to sign in again.').action((user: string) =>
    run(job(({ enabling }) => enabling(user))),
  );
  onUser('set-role', 'Change the role of a user. Ends their access tokens; sessions go on.')
    .argument('<role>', 'USER, ADMIN, or one of ROLES', roleOf)
    .action((user: string, role: string) => run(job(({ settingRole }) => settingRole(user, role))));
  withYes(withReason(onUser('delete', 'Delete a user with all sessions and tokens.'))).action(
    (user: string, options: { reason?: string; yes?: boolean }) =>
      run(job(({ deleting }) => deleting(user, options))),
  );
  onUser('reset', 'Send a user a link to set a new password. Without SMTP_URL, show the link.')
    .option('--link', 'show the link, and send no mail')
    .action((user: string, options: { link?: boolean }) =>
      run(job(({ resetting }) => resetting(user, options))),
    );
  withReason(onUser('logout', 'End all sessions and tokens of a user.')).action(
    (user: string, options: { reason?: string }) => run(job(({ loggingOut }) => loggingOut(user, options))),
  );
  withYes(withReason(command('logout-all', 'End all sessions and tokens of all users.'))).action(
    (options: { reason?: string; yes?: boolean }) => run(job(({ loggingOutAll }) => loggingOutAll(options))),
  );
}
