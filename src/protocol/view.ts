import type { VerifiedToken } from '../core/claims';
import type { FoundInView } from '../core/decision';
import type { LoggedRevocation } from '../core/revocation';
import { createFilter } from './filter';

interface UserEntry {
  readonly tokenVersion: number;
  readonly expiresAt: number;
}

/** ms; entries that expire within the same span are removed together. */
const SPAN = 60_000;

/** The number of the span in which this moment lies, in ms; a moment on the border belongs to the span that ends. */
const spanOf = (time: number) => Math.ceil(time / SPAN);

// In s: V8 stores integers of that size in the tables themselves, and allocates larger ones one by one.
const toSeconds = (ms: number) => Math.ceil(ms / 1000);

/** The revocations that can still matter, in the memory of one process. They may arrive in any order, and repeatedly. */
export class View {
  private users = new Map<string, UserEntry>();
  /** Token ids, session ids and key ids, each with its expiry in s. Ids are unique, so one table holds all three. */
  private denied = new Map<string, number>();
  /** The names to look at when a span has ended, so that no sweep looks through everything. Each name is in one span. */
  private leaving = new Map<number, string[]>();
  /** All names of both tables, and some that have been removed since it was made. */
  private filter = createFilter(0);
  private globalVersion = 0;
  /** s since the Unix epoch; after it, every token that the version refuses has expired. */
  private globalExpiresAt = 0;
  private lacksSome = false;
  private clearedAt: number;
  /** ms since the Unix epoch, by the clock of Postgres. */
  private asOf = 0;
  /** ms since the Unix epoch; revocations that had expired by then are removed. */
  private sweptUntil = 0;

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
    return this.users.size + this.denied.size;
  }

  /** It was given more than it may hold, so it lacks some. */
  get isOverfull(): boolean {
    return this.lacksSome;
  }

  /** ms since the Unix epoch; when it was last empty: at its creation, or when it was cleared. */
  get emptySince(): number {
    return this.clearedAt;
  }

  /** Takes in a revocation. Answers whether it is new to the view. */
  apply(entry: LoggedRevocation): boolean {
    const expiresAt = toSeconds(entry.expiresAt);
    switch (entry.kind) {
      case 'TOKEN':
        return this.deny(entry.tokenId, expiresAt);
      case 'SESSION':
        return this.deny(entry.sessionId, expiresAt);
      case 'KEY':
        return this.deny(entry.keyId, expiresAt);
      case 'USER':
        return this.raise(entry.userId, entry.tokenVersion, expiresAt);
      case 'EVERYONE': {
        const isNew = entry.globalVersion > this.globalVersion;
        if (isNew) this.globalVersion = entry.globalVersion;
        this.globalExpiresAt = Math.max(this.globalExpiresAt, expiresAt);
        return isNew;
      }
    }
  }

  /**
   * What the view says about a token. Only the source knows whether the view is current. `undefined` for a token that
   * expired so long ago that its revocation may have been swept.
   */
  lookUp({ claims, keyId }: VerifiedToken): FoundInView | undefined {
    if (claims.exp * 1000 <= this.sweptUntil) return undefined;
    return {
      from: 'view',
      tokenVersion: this.filter.mayHold(claims.sub) ? (this.users.get(claims.sub)?.tokenVersion ?? 0) : 0,
      globalVersion: this.globalVersion,
      denied: this.isDenied(claims.jti) || this.isDenied(claims.sid),
      keyDenied: this.isDenied(keyId),
      asOf: this.asOf,
    };
  }

  /**
   * Notes that revocations which had expired by then may be missing.
   *
   * @param time ms since the Unix epoch, by the clock of Postgres
   */
  noteAsOf(time: number): void {
    this.asOf = Math.max(this.asOf, time);
  }

  /** Removes revocations that no longer matter. */
  sweep(): void {
    const lastSpan = spanOf(this.now()) - 1;
    // Remembered, since the clock may have been ahead. When it is put right, good tokens may be older than this.
    this.sweptUntil = Math.max(this.sweptUntil, lastSpan * SPAN);
    const hasPassed = (expiresAt: number) => spanOf(expiresAt * 1000) <= lastSpan;
    if (this.globalVersion > 0 && hasPassed(this.globalExpiresAt)) this.globalVersion = 0;
    for (const [span, names] of this.leaving) {
      if (span > lastSpan) continue;
      this.leaving.delete(span);
      for (const name of names) {
        const expiresAt = this.users.get(name)?.expiresAt ?? this.denied.get(name);
        if (expiresAt === undefined) continue;
        if (hasPassed(expiresAt)) {
          this.users.delete(name);
          this.denied.delete(name);
        } else {
          // It was revoked again, for longer.
          this.leaveAt(name, expiresAt);
        }
      }
    }
  }

  /** Removes all names. */
  clear(): void {
    this.users = new Map();
    this.denied = new Map();
    this.leaving = new Map();
    this.filter = createFilter(0);
    this.lacksSome = false;
    this.clearedAt = this.now();
  }

  private raise(userId: string, tokenVersion: number, expiresAt: number): boolean {
    const known = this.users.get(userId);
    if (!known) {
      if (!this.hasRoom()) return false;
      this.users.set(userId, { tokenVersion, expiresAt });
      this.added(userId, expiresAt);
      return true;
    }
    // A lower version may expire later, so both maxima count.
    const isNew = tokenVersion > known.tokenVersion;
    if (isNew || expiresAt > known.expiresAt)
      this.users.set(userId, {
        tokenVersion: Math.max(tokenVersion, known.tokenVersion),
        expiresAt: Math.max(expiresAt, known.expiresAt),
      });
    return isNew;
  }

  private deny(id: string, expiresAt: number): boolean {
    const known = this.denied.get(id);
    if (known === undefined ? !this.hasRoom() : known >= expiresAt) return false;
    this.denied.set(id, expiresAt);
    if (known !== undefined) return false;
    this.added(id, expiresAt);
    return true;
  }

  private isDenied(id: string): boolean {
    return this.filter.mayHold(id) && this.denied.has(id);
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
    for (const table of [this.users, this.denied]) for (const each of table.keys()) this.filter.add(each);
  }

  private leaveAt(name: string, expiresAt: number): void {
    const span = spanOf(expiresAt * 1000);
    const names = this.leaving.get(span);
    if (names) names.push(name);
    else this.leaving.set(span, [name]);
  }
}
