import type { VerifiedToken } from '../core/claims';
import type { FoundInView } from '../core/decision';
import type { PartEntry } from '../core/follow-messages';
import type { LearnedRevocation } from '../core/revocation';
import { createFilter } from './filter';
import { partEntryOf } from './part-entry';

/** What a revocation changes in a view. `longer`: only until when it is kept. `overfull`: there was no room for it. */
export type Change = 'new' | 'longer' | 'nothing' | 'overfull';

/** The names of one kind, each with its expiry in s. */
type Denied = Map<string, number>;

interface UserEntry {
  readonly tokenVersion: number;
  readonly expiresAt: number;
}

/** ms; entries that expire within the same span are removed together. */
const SPAN = 60_000;

/** The number of the span in which this moment lies, in ms; a moment on the border belongs to the span that ends. */
const spanOf = (time: number) => Math.ceil(time / SPAN);

const changeOf = (isNew: boolean, isLonger: boolean): Change =>
  isNew ? 'new' : isLonger ? 'longer' : 'nothing';

/** The revocations that can still matter, in the memory of one process. They may arrive in any order, and repeatedly. */
export class View {
  private users = new Map<string, UserEntry>();
  // One table for each kind, so that a snapshot can name it.
  private tokens: Denied = new Map();
  private sessions: Denied = new Map();
  private keys: Denied = new Map();
  /** The names to look at when a span has ended, so that no sweep looks through everything. Each name is in one span. */
  private leaving = new Map<number, string[]>();
  /** All names of the tables, and some that have been removed since it was made. */
  private filter = createFilter(0);
  private globalVersion = 0;
  /** s since the Unix epoch; after it, every token that the version refuses has expired. */
  private globalExpiresAt = 0;
  private lacksSome = false;
  private clearedAt: number;
  private readAsOf = 0;
  private removedUntil = 0;

  /**
   * @param limit names that it may hold
   * @param now answers ms since the Unix epoch
   */
  constructor(
    private readonly limit: number,
    private readonly now: () => number,
  ) {
    this.clearedAt = now();
  }

  /** The number of users, tokens, sessions and keys that it names. */
  get size(): number {
    return this.users.size + this.tokens.size + this.sessions.size + this.keys.size;
  }

  /** It was given more than it may hold, so it lacks some. */
  get isOverfull(): boolean {
    return this.lacksSome;
  }

  /** ms since the Unix epoch; when it was last empty: at its creation, or when it was cleared. */
  get emptySince(): number {
    return this.clearedAt;
  }

  /** ms since the Unix epoch, by the clock of Postgres; revocations that had expired by then may be missing. */
  get asOf(): number {
    return this.readAsOf;
  }

  /** ms since the Unix epoch, by the clock of the process that swept; revocations that had expired by then may be missing. */
  get sweptUntil(): number {
    return this.removedUntil;
  }

  /** Takes in a revocation. Answers whether it is new to the view. */
  apply(entry: LearnedRevocation): boolean {
    return this.takeIn(entry) === 'new';
  }

  /** Takes in a revocation. Answers what that changes. */
  takeIn(entry: LearnedRevocation): Change {
    return this.add(partEntryOf(entry));
  }

  /** Takes in an entry of another view. Answers what that changes. */
  add([kind, id, version, expiresAt]: PartEntry): Change {
    switch (kind) {
      case 'T':
        return this.deny(this.tokens, id, expiresAt);
      case 'S':
        return this.deny(this.sessions, id, expiresAt);
      case 'K':
        return this.deny(this.keys, id, expiresAt);
      case 'U':
        return this.raise(id, version, expiresAt);
      case 'E':
        return this.raiseAll(version, expiresAt);
    }
  }

  /** Yields everything, in turns too: what is taken in meanwhile may be missing, and what is swept, as `sweptUntil` then says. */
  *entries(): Generator<PartEntry, void, undefined> {
    if (this.globalVersion > 0) yield ['E', '', this.globalVersion, this.globalExpiresAt];
    for (const [id, expiresAt] of this.keys) yield ['K', id, 0, expiresAt];
    for (const [id, { tokenVersion, expiresAt }] of this.users) yield ['U', id, tokenVersion, expiresAt];
    for (const [id, expiresAt] of this.sessions) yield ['S', id, 0, expiresAt];
    for (const [id, expiresAt] of this.tokens) yield ['T', id, 0, expiresAt];
  }

  /**
   * What the view says about a token. Only the source knows whether the view is current. `undefined` for a token that
   * expired so long ago that its revocation may have been swept.
   */
  lookUp({ claims, keyId }: VerifiedToken): FoundInView | undefined {
    if (claims.exp * 1000 <= this.removedUntil) return undefined;
    return {
      from: 'view',
      tokenVersion: this.filter.mayHold(claims.sub) ? (this.users.get(claims.sub)?.tokenVersion ?? 0) : 0,
      globalVersion: this.globalVersion,
      denied: this.isDenied(this.tokens, claims.jti) || this.isDenied(this.sessions, claims.sid),
      keyDenied: this.isDenied(this.keys, keyId),
      asOf: this.readAsOf,
    };
  }

  /**
   * Notes that revocations which had expired by then may be missing.
   *
   * @param time ms since the Unix epoch, by the clock of Postgres
   */
  noteAsOf(time: number): void {
    this.readAsOf = Math.max(this.readAsOf, time);
  }

  /** Notes that another view, which this one takes in, has swept what had expired by then, in ms since the Unix epoch. */
  noteSwept(time: number): void {
    this.removedUntil = Math.max(this.removedUntil, time);
  }

  /** Removes revocations that no longer matter. */
  sweep(): void {
    const lastSpan = spanOf(this.now()) - 1;
    // Remembered, since the clock may have been ahead. When it is put right, good tokens may be older than this.
    this.noteSwept(lastSpan * SPAN);
    const hasPassed = (expiresAt: number) => spanOf(expiresAt * 1000) <= lastSpan;
    if (this.globalVersion > 0 && hasPassed(this.globalExpiresAt)) this.globalVersion = 0;
    for (const [span, names] of this.leaving) {
      if (span > lastSpan) continue;
      this.leaving.delete(span);
      for (const name of names) {
        const user = this.users.get(name);
        if (user && hasPassed(user.expiresAt)) this.users.delete(name);
        // It was revoked again, for longer.
        else if (user) this.leaveAt(name, user.expiresAt);
        for (const table of [this.tokens, this.sessions, this.keys]) {
          const expiresAt = table.get(name);
          if (expiresAt === undefined) continue;
          if (hasPassed(expiresAt)) table.delete(name);
          else this.leaveAt(name, expiresAt);
        }
      }
    }
  }

  /** Removes all names. */
  clear(): void {
    this.users = new Map();
    this.tokens = new Map();
    this.sessions = new Map();
    this.keys = new Map();
    this.leaving = new Map();
    this.filter = createFilter(0);
    this.lacksSome = false;
    this.clearedAt = this.now();
  }

  private raiseAll(globalVersion: number, expiresAt: number): Change {
    const isNew = globalVersion > this.globalVersion;
    const isLonger = expiresAt > this.globalExpiresAt;
    if (isNew) this.globalVersion = globalVersion;
    if (isLonger) this.globalExpiresAt = expiresAt;
    return changeOf(isNew, isLonger);
  }

  private raise(userId: string, tokenVersion: number, expiresAt: number): Change {
    const known = this.users.get(userId);
    if (!known) {
      if (!this.hasRoom()) return 'overfull';
      this.users.set(userId, { tokenVersion, expiresAt });
      this.added(userId, expiresAt);
      return 'new';
    }
    // A lower version may expire later, so both maxima count.
    const isNew = tokenVersion > known.tokenVersion;
    const isLonger = expiresAt > known.expiresAt;
    if (isNew || isLonger)
      this.users.set(userId, {
        tokenVersion: Math.max(tokenVersion, known.tokenVersion),
        expiresAt: Math.max(expiresAt, known.expiresAt),
      });
    return changeOf(isNew, isLonger);
  }

  private deny(table: Denied, id: string, expiresAt: number): Change {
    const known = table.get(id);
    if (known === undefined && !this.hasRoom()) return 'overfull';
    if (known !== undefined && known >= expiresAt) return 'nothing';
    table.set(id, expiresAt);
    if (known !== undefined) return 'longer';
    this.added(id, expiresAt);
    return 'new';
  }

  private isDenied(table: Denied, id: string): boolean {
    return this.filter.mayHold(id) && table.has(id);
  }

  private hasRoom(): boolean {
    if (this.size >= this.limit) this.lacksSome = true;
    return this.size < this.limit;
  }

  /** A name was put into its table. */
  private added(name: string, expiresAt: number): void {
    this.leaveAt(name, expiresAt);
    this.filter.add(name);
    if (!this.filter.isFull) return;
    // Made for twice as many, so that this happens ever more rarely.
    this.filter = createFilter(2 * this.size);
    for (const table of [this.users, this.tokens, this.sessions, this.keys])
      for (const each of table.keys()) this.filter.add(each);
  }

  private leaveAt(name: string, expiresAt: number): void {
    const span = spanOf(expiresAt * 1000);
    const names = this.leaving.get(span);
    if (names) names.push(name);
    else this.leaving.set(span, [name]);
  }
}
