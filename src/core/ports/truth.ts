import type {
  AuditEvent,
  NewAuditEvent,
  RefreshToken,
  Session,
  SigningKey,
  StoredSigningKey,
  User,
} from '../account';
import type { LoggedRevocation, Revocation } from '../revocation';

/** One page of a list, after the Relay connection specification. */
export interface Page<T> {
  readonly items: readonly { readonly cursor: string; readonly node: T }[];
  readonly hasNextPage: boolean;
}

export interface PageRequest {
  /** 1 to 100. */
  readonly first: number;
  /** The cursor of the item before the page. */
  readonly after?: string;
}

/** Everything in Postgres that decides on the tokens of one user. */
export interface TruthOnUser {
  readonly globalVersion: number;
  /** `undefined` if the user does not exist. */
  readonly tokenVersion: number | undefined;
  readonly disabled: boolean;
  readonly deniedTokens: readonly string[];
  readonly deniedSessions: readonly string[];
  readonly deniedKeys: readonly string[];
  /** ms since the epoch, by the clock of Postgres. Entries that had expired by then are missing. */
  readonly asOf: number;
}

/** The values that all users share. */
export interface Fleet {
  readonly globalVersion: number;
  /** The key that signs now. */
  readonly signingKeyId: string;
  /** The key that is published already and will sign from a later time. */
  readonly nextKey?: { readonly id: string; readonly signsFrom: Date };
  /** ms since the epoch, by the clock of Postgres. */
  readonly now: number;
}

/**
 * `share` keeps the user unchanged while a session is refreshed. `update` is for changing the user, and for starting a
 * session, which has to count the existing ones.
 */
export type Lock = 'share' | 'update';

export interface Users {
  findById(id: string): Promise<User | undefined>;
  /** Reads several by id in one statement, in any order. */
  findByIds(ids: readonly string[]): Promise<User[]>;
  findByEmail(email: string): Promise<User | undefined>;
  /** Reads and locks the user. Always lock the user before a session: one order for all prevents deadlocks. */
  lock(id: string, lock: Lock): Promise<User | undefined>;
  /** Throws `CONFLICT` if the email is taken, in any letter case. */
  insert(user: Pick<User, 'email' | 'passwordHash' | 'role'>): Promise<User>;
  /** Returns the new version. */
  raiseTokenVersion(id: string): Promise<number>;
  change(id: string, to: Partial<Pick<User, 'passwordHash' | 'disabled' | 'role'>>): Promise<void>;
  delete(id: string): Promise<void>;
  page(request: PageRequest, search?: string): Promise<Page<User>>;
  /**
   * Makes other transactions that would remove an administrator wait until this one ends. Must come before the lock on
   * the user: two administrators who demote each other would otherwise both find the other in place.
   */
  lockAdministrators(): Promise<void>;
  countEnabledAdministrators(): Promise<number>;
}

/** A request for sessions of one user. */
export interface SessionsOfUser {
  readonly userId: string;
  /** The largest number. */
  readonly first: number;
  /** The session before the page. */
  readonly after?: string;
}

export type NewSession = Omit<Session, 'lastUsedAt' | 'endedAt'>;

export interface Sessions {
  find(id: string): Promise<Session | undefined>;
  /** Reads the session and locks it against all other writers. */
  lock(id: string): Promise<Session | undefined>;
  insert(session: NewSession): Promise<Session>;
  /** Records a use, with the address and user agent of that moment. */
  touch(
    id: string,
    use: Pick<Session, 'lastUsedAt' | 'idleExpiresAt' | 'userAgent' | 'ipAddress'>,
  ): Promise<void>;
  /**
   * Ends the user's session in one statement, which locks the user (shared) and then the session. Returns `BEFORE` if
   * it had already ended, and `undefined` if it does not exist or is not the user's.
   */
  endOwn(userId: string, id: string): Promise<'NOW' | 'BEFORE' | undefined>;
  /** Returns how many live sessions were ended. */
  endAllOf(userId: string, exceptSessionId?: string): Promise<number>;
  /**
   * Ends the least recently used live sessions of a user until `keep` are left. Returns the ids of the ended ones. The
   * user's row must be locked for update.
   */
  endSurplusOf(userId: string, keep: number): Promise<string[]>;
  /** Returns the live sessions of several users, most recently used first: one list per request, in one statement. */
  liveOf(wanted: readonly SessionsOfUser[]): Promise<Session[][]>;
  countLive(): Promise<number>;
  /** Returns the addresses from which the account's sessions (at most 1,000) were used in the last 30 days. */
  recentAddressesOf(email: string): Promise<string[]>;
}

export interface RefreshTokens {
  findByHash(hash: Buffer): Promise<RefreshToken | undefined>;
  insert(token: { hash: Buffer; sessionId: string; parentId?: string }): Promise<void>;
  markUsed(id: string, usedAt: Date): Promise<void>;
  deleteAllOf(sessionId: string): Promise<void>;
}

/**
 * Receives one part of the log after another. Returns whether to continue.
 *
 * @param asOf ms since the epoch, by the clock of Postgres. Entries that had expired by then are missing.
 */
export type EachPart = (entries: LoggedRevocation[], asOf: number) => Promise<boolean>;

/** The revocation log, which is also the outbox to Redis. */
export interface RevocationLog {
  /** Appends the revocations and the event for the audit log. Returns the entries in any order. */
  append(revocations: readonly Revocation[], event: NewAuditEvent): Promise<LoggedRevocation[]>;
  /** Returns the unconfirmed revocations of one user and those for everyone. */
  unconfirmedOf(userId?: string): Promise<LoggedRevocation[]>;
  unconfirmedIds(): Promise<string[]>;
  countUnconfirmed(): Promise<number>;
  /**
   * Passes every entry that still matters to `part`, as of one moment after the call. Calls `part` at least once.
   * Returns false if `part` stopped it.
   */
  eachLive(part: EachPart): Promise<boolean>;
  /** The same for the unconfirmed entries. */
  eachUnconfirmed(part: EachPart): Promise<boolean>;
  /** Returns the entries of the last `ms` milliseconds. */
  since(ms: number): Promise<LoggedRevocation[]>;
  markConfirmed(ids: readonly string[]): Promise<void>;
  /** Whether all of these were confirmed, by any node. */
  areConfirmed(ids: readonly string[]): Promise<boolean>;
}

export interface SigningKeys {
  /** Returns every key that may still verify a token, and revoked keys until their tokens would have expired. */
  list(): Promise<StoredSigningKey[]>;
  insert(
    key: Pick<StoredSigningKey, 'id' | 'algorithm' | 'publicKey' | 'sealedPrivateKey'>,
  ): Promise<SigningKey>;
  /** Makes this key the one that signs and retires all others. Returns the time of the change. */
  sign(id: string): Promise<Date>;
  /** Lets this key sign in `lead` ms and retires the current one at that time. Returns that time. */
  signLater(id: string, lead: number): Promise<Date>;
  /** Returns the names of future keys, the next one first. */
  names(): Promise<readonly string[]>;
  /** Draws names until there are as many as the key set publishes. */
  drawNames(): Promise<void>;
  /** Takes the next name and draws another one. Call it only inside a transaction. */
  takeName(): Promise<string>;
  revoke(id: string): Promise<void>;
}

export interface AuditLog {
  append(event: NewAuditEvent): Promise<void>;
  /** Appends several events in one statement; `age` is the time in ms since each happened. */
  appendAll(events: readonly (NewAuditEvent & { readonly age: number })[]): Promise<void>;
  page(request: PageRequest, userId?: string): Promise<Page<AuditEvent>>;
}

export interface FleetState {
  read(): Promise<Fleet>;
  /** Reads and locks: other transactions that would raise the version or change the key wait until this one ends. */
  lock(): Promise<Fleet>;
  /** Returns the new version. */
  raiseGlobalVersion(): Promise<number>;
}

/** The tables, inside one transaction; on `Truth` itself each call is its own transaction. */
export interface Tables {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  readonly log: RevocationLog;
  readonly signingKeys: SigningKeys;
  readonly audit: AuditLog;
  readonly fleet: FleetState;
}

/** The authoritative store, Postgres. Every method throws `SERVICE_UNAVAILABLE` when it cannot be reached. */
export interface Truth extends Tables {
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Inside, use only the given
   * tables: any other call is another transaction, and in the embedded mode would wait for this one forever.
   *
   * Runs `work` again, at most three times in all, if Postgres rolled it back in favour of another transaction. So
   * `work` must have no effect beyond the transaction.
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  /** Resolves if Postgres answers in time and does its work; otherwise rejects. */
  ping(): Promise<void>;
  /** ms since the epoch, by the clock of Postgres. */
  readTime(): Promise<number>;
  /** Reads everything that decides on a user's tokens, in one statement on the primary. */
  onUser(userId: string): Promise<TruthOnUser>;
  /**
   * Passes at most `limit` revocations that have been unconfirmed for `minAge` ms to `publish`, and marks them
   * confirmed when it resolves. Concurrent callers get different ones. Returns how many there were.
   */
  relay(
    limit: number,
    minAge: number,
    publish: (entries: LoggedRevocation[]) => Promise<void>,
  ): Promise<number>;
}
