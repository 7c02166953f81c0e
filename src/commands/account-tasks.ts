import 'reflect-metadata';
import { hostname, userInfo } from 'node:os';
import type { ActorClient } from '../actions/client';
import type { ChangedUser } from '../actions/change-user';
import { readConfig } from '../config/read-config';
import type { User } from '../core/account';
import type { Receipt } from '../core/receipt';
import { type Administration, withAdministration } from '../server/administration';
import { version } from '../server/version';
import { failureOf } from './failure';
import { EXIT_CODES, type Job, type Outcome } from './job';
import type { Terminal } from './terminal';
import { listAsJson, listAsText } from './user-list';

/** The work of a command on accounts. */
type Task = (administration: Administration, terminal: Terminal) => Promise<Outcome>;

/** The command line acts for nobody who is signed in. */
const NOBODY = {};

function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a user without a name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** What the audit log says about the command line. A request has an address too, and an actor. */
const commandLine = (): ActorClient => ({
  userAgent: `tokenfence-admin/${version} (${operatorName()}@${hostname()})`,
});

const done = (text: string): Outcome => ({ code: EXIT_CODES.done, text: `${text}\n` });

/** Says what was done, and whether it is in force everywhere. */
function receiptOf(text: string, { confirmation }: Receipt): Outcome {
  if (confirmation.confirmed) return done(`${text} Confirmed: no node accepts the ended tokens.`);
  return { code: EXIT_CODES.unconfirmed, text: `${text}\nNot confirmed: ${confirmation.reason}\n` };
}

const sessionsOf = ({ endedSessions: count }: Receipt) => (count === 1 ? '1 session' : `${count} sessions`);

const nameOf = ({ email, id }: User) => `${email} (${id})`;

/** Makes a job of a task: it opens the database of the settings, and says in a sentence what goes wrong. */
const jobOf =
  (task: Task): Job =>
  async (env, terminal) => {
    try {
      // ADMIN_PASSWORD is for the first start and for `admin create`.
      const config = readConfig({ ...env, ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
      return await withAdministration(config, (administration) => task(administration, terminal));
    } catch (error) {
      return failureOf(error);
    }
  };

/** A task on the user with this email or id. */
const onUser = (name: string, task: (user: User, ...rest: Parameters<Task>) => Promise<Outcome>): Job =>
  jobOf(async (administration, terminal) =>
    task(await administration.actions.findUser(name), administration, terminal),
  );

interface Sureness {
  /** The option `--yes`. */
  readonly yes?: boolean;
}

interface Reason {
  /** Kept in the audit log. */
  readonly reason?: string;
}

const REFUSED: Outcome = { code: EXIT_CODES.failed, text: 'Nothing was changed.\n' };

const UNSURE: Outcome = {
  code: EXIT_CODES.usage,
  text: 'Nothing was changed. This needs a confirmation, and nobody can be asked here: add --yes.\n',
};

/** Whether the operator has said on the command line that they are sure, or says so now. */
const isSure = async ({ yes = false }: Sureness, terminal: Terminal, question: string) =>
  yes || terminal.confirm(question);

/** Refuses a job that would have to ask where nobody can answer, before anything is opened. */
const asking =
  ({ yes = false }: Sureness, job: Job): Job =>
  (env, terminal) =>
    yes || terminal.isInteractive ? job(env, terminal) : Promise.resolve(UNSURE);

export interface ListOptions {
  readonly search?: string;
  readonly first: number;
  readonly after?: string;
  readonly json?: boolean;
}

export const listing = ({ search, first, after, json = false }: ListOptions): Job =>
  jobOf(async ({ actions }) => {
    const page = await actions.listUsers({ first, after }, search);
    return { code: EXIT_CODES.done, text: json ? listAsJson(page) : listAsText(page) };
  });

/** Says what a change did, or that there was nothing to change. */
const changeOf = (text: string, { receipt }: ChangedUser) =>
  receipt ? receiptOf(text, receipt) : done(text);

export const disabling = (name: string, { reason }: Reason): Job =>
  onUser(name, async (user, { actions }) => {
    const changed = await actions.disableUser(NOBODY, user.id, reason, commandLine());
    const ended = changed.receipt ? ` and ended ${sessionsOf(changed.receipt)}` : '';
    const text = user.disabled ? `${nameOf(user)} was disabled before.` : `Disabled ${nameOf(user)}${ended}.`;
    return changeOf(text, changed);
  });

export const enabling = (name: string): Job =>
  onUser(name, async (user, { actions }) => {
    await actions.enableUser(NOBODY, user.id, commandLine());
    if (!user.disabled) return done(`${nameOf(user)} was enabled before.`);
    return done(`Enabled ${nameOf(user)}. Ended sessions stay ended: the user signs in again.`);
  });

export const settingRole = (name: string, role: string): Job =>
  onUser(name, async (user, { actions }) => {
    const changed = await actions.setRole(NOBODY, user.id, role, commandLine());
    const text =
      user.role === role
        ? `${nameOf(user)} had the role ${role} before.`
        : `Changed the role of ${nameOf(user)} from ${user.role} to ${role}. Sessions go on with new tokens.`;
    return changeOf(text, changed);
  });

export const deleting = (name: string, options: Reason & Sureness): Job =>
  asking(
    options,
    onUser(name, async (user, { actions }, terminal) => {
      if (!(await isSure(options, terminal, `Delete ${nameOf(user)} for good?`))) return REFUSED;
      const receipt = await actions.deleteUser(NOBODY, user.id, options.reason, commandLine());
      return receiptOf(`Deleted ${nameOf(user)} and ended ${sessionsOf(receipt)}.`, receipt);
    }),
  );

/** @param link whether to show the link even if mails are sent */
export const resetting = (name: string, { link = false }: { readonly link?: boolean }): Job =>
  onUser(name, async (user, { actions, canMail, makeResetLink }) => {
    if (canMail && !link) {
      await actions.sendPasswordReset(NOBODY, user.id, commandLine());
      return done(`Wrote a mail with a link to ${user.email}. A running node sends it within seconds.`);
    }
    const { url, expiresAt } = await makeResetLink(NOBODY, user.id, commandLine());
    return done(
      `With this link anybody can set the password of ${nameOf(user)}, once, until ${expiresAt.toISOString()}:\n${url}`,
    );
  });

export const loggingOut = (name: string, { reason }: Reason): Job =>
  onUser(name, async (user, { actions }) => {
    const receipt = await actions.forceLogout(NOBODY, user.id, reason, commandLine());
    return receiptOf(`Logged out ${nameOf(user)}: ended ${sessionsOf(receipt)}.`, receipt);
  });

/** What the audit log says if no reason was given. The API demands one. */
const NO_REASON = 'no reason was given on the command line';

export const loggingOutAll = (options: Reason & Sureness): Job =>
  asking(
    options,
    jobOf(async ({ actions, countSessions }, terminal) => {
      // It may take too long where there are many.
      const count = await countSessions().catch(() => 'an unknown number of');
      const question = `End every session of all users, your own too? There are about ${count}.`;
      if (!(await isSure(options, terminal, question))) return REFUSED;
      const receipt = await actions.forceLogoutAll(NOBODY, options.reason ?? NO_REASON, commandLine());
      return receiptOf(`Logged out all users: ended about ${sessionsOf(receipt)}.`, receipt);
    }),
  );
