import type {
  AuditEvent,
  NewAuditEvent,
  RefreshToken,
  Session,
  SigningKey,
  StoredSigningKey,
  User,
} from '../account';
import type { Role } from '../claims';
import type { Page, PageRequest } from '../page';
import type { LoggedRevocation, Revocation } from '../revocation';

/** All that the truth holds which bears on the tokens of one user. */
export interface TruthOnUser {
  readonly globalVersion: number;
  /** `undefined`: there is no such user any more, or never was. */
  readonly tokenVersion: number | undefined;
  readonly disabled: boolean;
  readonly deniedTokens: readonly string[];
  readonly deniedSessions: readonly string[];
  readonly deniedKeys: readonly string[];
  /** ms since the epoch, by the clock of Postgres: what had expired by then is missing. */
  readonly asOf: number;
}

/** What all users share. */
export interface Fleet {
  readonly globalVersion: number;
  /** The key that signs now. */
  readonly signingKeyId: string;
  /** The key that is published, and signs from a later time on. */
  readonly nextKey?: { readonly id: string; readonly signsFrom: Date };
  /** ms since the epoch, by the clock of Postgres. */
  readonly now: number;
}

/**
 * `share` keeps the user as they are while a session goes on; `update` is for those who change the user, or begin a
 * session and have to count those there are.
 */
export type Lock = 'share' | 'update';

export interface Users {
  findById(id: string): Promise<User | undefined>;
  /** Several by id, in any order, in one statement. */
  findByIds(ids: readonly string[]): Promise<User[]>;
  findByEmail(email: string): Promise<User | undefined>;
  /** Reads and locks. Always before any lock on a session: one order for all, so that no two wait for each other. */
  lock(id: string, lock: Lock): Promise<User | undefined>;
  /** Throws `CONFLICT` when the email is taken, in whatever letter case. */
  insert(user: Pick<User, 'email' | 'passwordHash' | 'role'>): Promise<User>;
  /** Answers the new version. */
  raiseTokenVersion(id: string): Promise<number>;
  setPasswordHash(id: string, passwordHash: string): Promise<void>;
  setDisabled(id: string, disabled: boolean): Promise<void>;
  setRole(id: string, role: Role): Promise<void>;
  delete(id: string): Promise<void>;
  page(request: PageRequest, search?: string): Promise<Page<User>>;
  /**
   * Makes those wait who would also take an administrator away, until this transaction ends. Must come before the
   * lock on the user: two administrators who demote each other would otherwise both find the other in place.
   */
  lockAdministrators(): Promise<void>;
  countEnabledAdministrators(): Promise<number>;
}

/** Which sessions of a user are wanted. */
export interface SessionsOfUser {
  readonly userId: string;
  /** How many at most. */
  readonly first: number;
  /** The session before the first one wanted. */
  readonly after?: string;
}

export type NewSession = Omit<Session, 'lastUsedAt' | 'endedAt'>;

export interface Sessions {
  find(id: string): Promise<Session | undefined>;
  /** Reads and locks against every other writer of the session. */
  lock(id: string): Promise<Session | undefined>;
  insert(session: NewSession): Promise<Session>;
  /** Notes a use, and the device's address and name at it. */
  touch(
    id: string,
    use: Pick<Session, 'lastUsedAt' | 'idleExpiresAt' | 'userAgent' | 'ipAddress'>,
  ): Promise<void>;
  /**
   * Ends the user's session in one statement: locks the user shared and then the session, like everyone. Answers `BEFORE`
   * for one that had ended, and nothing for one that is not there, or another's.
   */
  endOwn(userId: string, id: string): Promise<'NOW' | 'BEFORE' | undefined>;
  /** Answers how many live ones were ended. */
  endAllOf(userId: string, exceptSessionId?: string): Promise<number>;
  /**
   * Ends the live ones of a user that were used longest ago, so that `keep` are left. Answers the ids of those ended.
   * The user's row must be locked for update.
   */
  endSurplusOf(userId: string, keep: number): Promise<string[]>;
  /** The live ones of several users, newest use first: a list for each that is wanted. One statement. */
  liveOf(wanted: readonly SessionsOfUser[]): Promise<Session[][]>;
  countLive(): Promise<number>;
  /** The addresses that sessions of the account were last used from, of at most 1,000 in the last 30 days. */
  recentAddressesOf(email: string): Promise<string[]>;
}

export interface RefreshTokens {
  findByHash(hash: Buffer): Promise<RefreshToken | undefined>;
  insert(token: { hash: Buffer; sessionId: string; parentId?: string }): Promise<void>;
  markUsed(id: string, usedAt: Date): Promise<void>;
  deleteAllOf(sessionId: string): Promise<void>;
}

/**
 * Is handed one part after the other; answers whether to go on.
 *
 * @param asOf ms since the epoch, by the clock of Postgres: what had expired by then is missing
 */
export type EachPart = (entries: LoggedRevocation[], asOf: number) => Promise<boolean>;

/** The revocation log, which is also the outbox to the copies. */
export interface RevocationLog {
  /** Appends them, and the event by which the audit log tells of them. Answers them as they stand in the log, in any order. */
  append(revocations: readonly Revocation[], event: NewAuditEvent): Promise<LoggedRevocation[]>;
  /** Those of one user, and those for everyone, whose confirmation is still out. */
  unconfirmedOf(userId?: string): Promise<LoggedRevocation[]>;
  unconfirmedIds(): Promise<string[]>;
  countUnconfirmed(): Promise<number>;
  /**
   * Hands over all that can still matter, part by part, as it stood at one moment after the call. Answers whether that
   * was all, rather than stopped by `part`. Calls `part` once at least.
   */
  eachLive(part: EachPart): Promise<boolean>;
  /** The same for those whose confirmation is still out. */
  eachUnconfirmed(part: EachPart): Promise<boolean>;
  /** Those of the last so many ms. */
  since(ms: number): Promise<LoggedRevocation[]>;
  markConfirmed(ids: readonly string[]): Promise<void>;
  /** Whether all of these have been confirmed, by whichever node. */
  areConfirmed(ids: readonly string[]): Promise<boolean>;
}

export interface SigningKeys {
  /** Every key that may still verify a token, and revoked ones as long as their tokens could live. */
  list(): Promise<StoredSigningKey[]>;
  insert(
    key: Pick<StoredSigningKey, 'id' | 'algorithm' | 'publicKey' | 'sealedPrivateKey'>,
  ): Promise<SigningKey>;
  /** Makes it the one that signs, and retires all others. Answers the time. */
  sign(id: string): Promise<Date>;
  /** Lets it sign in `lead` ms, and retires the one before at that time. Answers the time. */
  signLater(id: string, lead: number): Promise<Date>;
  /** The names of the keys to come, the next one first. */
  names(): Promise<readonly string[]>;
  /** Draws names until there are as many as the key set tells of. */
  drawNames(): Promise<void>;
  /** Takes the next name, and draws another one behind the rest. Inside a transaction only. */
  takeName(): Promise<string>;
  revoke(id: string): Promise<void>;
}

export interface AuditLog {
  append(event: NewAuditEvent): Promise<void>;
  /** Appends several in one statement; `age` is the time in ms since each happened. */
  appendAll(events: readonly (NewAuditEvent & { readonly age: number })[]): Promise<void>;
  page(request: PageRequest, userId?: string): Promise<Page<AuditEvent>>;
}

export interface FleetState {
  read(): Promise<Fleet>;
  /** The same, making those wait who would raise the version or change the key, until this transaction ends. */
  lock(): Promise<Fleet>;
  /** Answers the new version. */
  raiseGlobalVersion(): Promise<number>;
}

/** The tables, seen from inside one transaction or, on `Truth` itself, each call in one of its own. */
export interface Tables {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly refreshTokens: RefreshTokens;
  readonly log: RevocationLog;
  readonly signingKeys: SigningKeys;
  readonly audit: AuditLog;
  readonly fleet: FleetState;
}

/** The store that is right when others differ. Every method throws `SERVICE_UNAVAILABLE` when it can't be reached. */
export interface Truth extends Tables {
  /**
   * Runs `work` in one transaction: committed when it resolves, undone when it throws. Inside, only the tables that
   * are handed in may be used: another call would be another transaction, and in embedded mode wait for itself.
   *
   * `work` is run again, at most three times in all, where Postgres has undone it in favour of another transaction. So
   * it must do nothing that an undone transaction leaves behind.
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  /** ms since the epoch, by the clock of Postgres. */
  readTime(): Promise<number>;
  /** What decides on the tokens of a user, read in one statement from the primary. */
  onUser(userId: string): Promise<TruthOnUser>;
  /**
   * Hands at most `limit` revocations that have lain unconfirmed for at least `minAge` ms to `deliver`, and marks them
   * confirmed when it resolves. No two callers get the same ones at a time. Answers how many there were.
   */
  relay(
    limit: number,
    minAge: number,
    deliver: (entries: LoggedRevocation[]) => Promise<void>,
  ): Promise<number>;
}
