import type { PublicUser, Session } from '../account';
import type { LoggedRevocation } from '../revocation';
import type { TokenCallbacks } from './own-claims';

/**
 * Runs one statement in the transaction of the change, on its connection. Returns the rows as objects. Rejects with the
 * error of `pg`, which has the SQLSTATE in `code`.
 *
 * It is one statement a call, and never one that ends the transaction or changes the connection for later users: `begin`,
 * `commit`, `rollback`, `prepare`, `discard`, `reset`, `listen` and `set` are refused. `savepoint`,
 * `rollback to savepoint` and `set local` are allowed. After the hook is over, every call is refused.
 *
 * A statement that fails undoes the whole change, even if the hook catches the error. To go on after one, set a savepoint
 * before it and roll back to that.
 */
export type Sql = <Row extends object = Record<string, unknown>>(
  text: string,
  params?: readonly unknown[],
) => Promise<Row[]>;

/** The client of the request. */
export interface HookClient {
  readonly ipAddress?: string;
  readonly userAgent?: string;
  readonly requestId?: string;
}

interface InTransaction {
  /** As the change leaves it. A copy: changing it has no effect. */
  readonly user: PublicUser;
  /** Empty for code of your own. */
  readonly client: HookClient;
  readonly sql: Sql;
}

/** How an account was made: by `register`, by an administrator's invitation, or by `auth.api`. */
export type RegisteredVia = 'register' | 'invitation' | 'api';

export interface RegisteringEvent extends InTransaction {
  /** What the caller gave, without the password: for `register`, `RegisterInput` with your own fields. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly via: RegisteredVia;
}

export interface LoggedInEvent extends InTransaction {
  readonly session: Session;
}

export interface ChangingRoleEvent extends InTransaction {
  readonly previousRole: string;
}

export interface ChangingEmailEvent extends InTransaction {
  readonly previousEmail: string;
}

export type DeletingEvent = InTransaction;

/** What each hook is told. */
export interface HookEvents {
  readonly registering: RegisteringEvent;
  readonly loggedIn: LoggedInEvent;
  readonly changingRole: ChangingRoleEvent;
  readonly changingEmail: ChangingEmailEvent;
  readonly deleting: DeletingEvent;
}

export type HookName = keyof HookEvents;

type Hook<Name extends HookName> = (event: HookEvents[Name]) => unknown;

/** The hooks that join in the transaction of a change. */
export interface TransactionHooks {
  /**
   * An account is made. May run again for the same user: an invitation that is sent again, and a registration that
   * replaces one which nobody verified, keep the user's id. So write `on conflict … do update`.
   */
  readonly registering?: Hook<'registering'>;
  /** A session begins by a login, a reset of the password or an accepted invitation. Throwing refuses it. */
  readonly loggedIn?: Hook<'loggedIn'>;
  readonly changingRole?: Hook<'changingRole'>;
  /** The email changes by the link in a mail, or the change is undone. */
  readonly changingEmail?: Hook<'changingEmail'>;
  /** The user is deleted when this is over. The row is still there. */
  readonly deleting?: Hook<'deleting'>;
}

/**
 * What the application runs along with a change of an account. All but `revoked` run last in the transaction of the
 * change, after every check. What they throw undoes the whole. They cannot change the outcome in any other way.
 *
 * A transaction may be run again in favour of others (a deadlock), and then the hook too. So it should have no effect but
 * by `sql`.
 */
export interface Hooks extends TransactionHooks {
  /** Told once on each node when it learns of a revocation, after the fact. What it throws is logged. */
  readonly revoked?: (revocation: LoggedRevocation) => unknown;
}

/** What of the application the use cases call. */
export interface Callbacks extends TokenCallbacks {
  /** Functions of yours that take part in changes of accounts, within `hookTimeout`. */
  readonly hooks?: Hooks;
}

/** A transaction's connection, while a hook has it. */
export interface Loan {
  readonly sql: Sql;
  /**
   * Ends the loan when the statements that were begun are done. Throws if the transaction can no longer be committed:
   * `SERVICE_UNAVAILABLE` if a store failed or the transaction may be run again.
   */
  settle(): Promise<void>;
  /** Ends the loan at once. A statement that still runs takes its connection with it. */
  abandon(): void;
}
