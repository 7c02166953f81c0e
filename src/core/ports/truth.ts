import type { AuditEvent, NewAuditEvent, SigningKey, StoredSigningKey, User } from '../account';
import type { LoggedRevocation } from '../revocation';
import type { FleetState } from './fleet';
import type { Loan } from './hooks';
import type { LinkUses } from './link-uses';
import type { Mails } from './mails';
import type { Newcomers } from './newcomers';
import type { Ends, Sessions } from './sessions';

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

export interface Users {
  findById(id: string): Promise<User | undefined>;
  /** Reads several by id in one statement, in any order. */
  findByIds(ids: readonly string[]): Promise<User[]>;
  findByEmail(email: string): Promise<User | undefined>;
  /** Reads and locks the user. Always lock the user before a session: one order for all prevents deadlocks. */
  lock(id: string): Promise<User | undefined>;
  /**
   * Throws `CONFLICT` if the email is taken, in any letter case, or kept for an account that had it before. Call it only
   * inside a transaction, which the error undoes.
   */
  insert(
    user: Pick<User, 'email' | 'role'> & { readonly passwordHash: string; readonly emailVerified?: boolean },
  ): Promise<User>;
  change(id: string, to: Partial<Pick<User, 'disabled' | 'role'>>): Promise<void>;
  /**
   * Replaces a hash by another one of the same password, so no token ends. Returns whether it did: not if the user has
   * another hash by now.
   */
  rehash(id: string, before: string, after: string): Promise<boolean>;
  delete(id: string): Promise<void>;
  page(request: PageRequest, search?: string): Promise<Page<User>>;
  /**
   * Makes other transactions that would remove an administrator wait until this one ends. Must come before the lock on
   * the user: two administrators who demote each other would otherwise both find the other in place.
   */
  lockAdministrators(): Promise<void>;
  /** Counts those that can sign in: not a pending one. */
  countEnabledAdministrators(): Promise<number>;
  /** Counts the users of each role but these. */
  countByRoleBesides(known: readonly string[]): Promise<{ readonly role: string; readonly count: number }[]>;
}

/** A key that makes refresh tokens, encrypted with the SECRET. */
export interface StoredRefreshKey {
  readonly id: number;
  readonly sealedKey: string;
}

/** The keys that make refresh tokens. None is ever deleted, so a used token is recognized, however old. */
export interface RefreshKeys {
  /** Returns every key, in the order of their numbers. */
  list(): Promise<StoredRefreshKey[]>;
  insert(key: StoredRefreshKey): Promise<void>;
}

/**
 * Receives one part of the log after another. Returns whether to continue.
 *
 * @param asOf ms since the epoch, by the clock of Postgres. Entries that had expired by then are missing.
 */
export type EachPart = (entries: LoggedRevocation[], asOf: number) => Promise<boolean>;

/** The revocation log, which is also the outbox to Redis. `Ends` and `Sessions` append to it. */
export interface RevocationLog {
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
}

export interface AuditLog {
  append(event: NewAuditEvent): Promise<void>;
  /** Appends several events in one statement; `age` is the time in ms since each happened. */
  appendAll(events: readonly (NewAuditEvent & { readonly age: number })[]): Promise<void>;
  page(request: PageRequest, userId?: string): Promise<Page<AuditEvent>>;
}

/** The tables, inside one transaction; on `Truth` itself each call is its own transaction. */
export interface Tables {
  readonly users: Users;
  readonly newcomers: Newcomers;
  readonly sessions: Sessions;
  readonly refreshKeys: RefreshKeys;
  readonly ends: Ends;
  readonly log: RevocationLog;
  readonly signingKeys: SigningKeys;
  readonly audit: AuditLog;
  readonly mails: Mails;
  readonly linkUses: LinkUses;
  readonly fleet: FleetState;
}

/** The tables inside one transaction, which may lend its connection to a hook of the application. */
export interface Transaction extends Tables {
  /** Lends the connection. Use no table until the loan has ended. */
  lend(): Loan;
}

/** The authoritative store, Postgres. Every method throws `SERVICE_UNAVAILABLE` when it cannot be reached. */
export interface Truth extends Tables {
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. Inside, use only the given
   * tables: any other call is another transaction, and in the embedded mode would wait for this one forever.
   *
   * Runs `work` again, at most three times in all, if Postgres rolled it back in favour of another transaction. So
   * `work` must have no effect beyond the transaction.
   *
   * @param lends whether `work` lends the connection. Such transactions share half of the pool, so that a slow hook leaves
   * the other half to everything else. Throws `SERVICE_UNAVAILABLE` if too many wait.
   */
  transaction<T>(
    work: (tables: Transaction) => Promise<T>,
    options?: { readonly lends?: boolean },
  ): Promise<T>;
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
