import type { VerifiedToken } from '../core/claims';
import type { FoundInView } from '../core/decision';
import type { LoggedRevocation } from '../core/revocation';
import { createFilter } from './filter';

/** The revocations that can still matter, in the memory of one process. They may arrive in any order, and repeatedly. */
export interface View {
  /** Answers whether the revocation is new to the view. */
  apply(entry: LoggedRevocation): boolean;
  /**
   * What the view says about a token. Only the source knows whether the view is current. `undefined` for a token that
   * expired so long ago that its revocation may have been swept.
   */
  lookUp(token: VerifiedToken): FoundInView | undefined;
  /**
   * Notes that revocations which had expired by then may be missing.
   *
   * @param time ms since the Unix epoch, by the clock of Postgres
   */
  noteAsOf(time: number): void;
  /** Removes revocations that no longer matter. */
  sweep(): void;
  /** Removes all names. */
  clear(): void;
  /** The number of users, tokens, sessions and keys that it names. */
  readonly size: number;
  /** It was given more than it may hold, so it lacks some. */
  readonly isOverfull: boolean;
  /** ms since the Unix epoch; when it was last empty: at its creation, or when it was cleared. */
  readonly emptySince: number;
}

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

/**
 * @param limit names that it may hold
 * @param now answers ms since the Unix epoch
 */
export function createView(limit: number, now: () => number): View {
  let users = new Map<string, UserEntry>();
  /** Token ids, session ids and key ids, each with its expiry in s. Ids are unique, so one table holds all three. */
  let denied = new Map<string, number>();
  /** The names to look at when a span has ended, so that no sweep looks through everything. Each name is in one span. */
  let leaving = new Map<number, string[]>();
  /** All names of both tables, and some that have been removed since it was made. */
  let filter = createFilter(0);
  let globalVersion = 0;
  /** s since the Unix epoch; after it, every token that the version refuses has expired. */
  let globalExpiresAt = 0;
  let isOverfull = false;
  let emptySince = now();
  /** ms since the Unix epoch, by the clock of Postgres. */
  let asOf = 0;
  /** ms since the Unix epoch; revocations that had expired by then are removed. */
  let sweptUntil = 0;

  const leaveAt = (name: string, expiresAt: number) => {
    const span = spanOf(expiresAt * 1000);
    const names = leaving.get(span);
    if (names) names.push(name);
    else leaving.set(span, [name]);
  };

  /** Call it after the name was put into its table. */
  const addToFilter = (name: string) => {
    filter.add(name);
    if (!filter.isFull) return;
    // Made for twice as many, so that this happens ever more rarely.
    filter = createFilter(2 * (users.size + denied.size));
    for (const table of [users, denied]) for (const each of table.keys()) filter.add(each);
  };

  const hasRoom = () => {
    if (users.size + denied.size < limit) return true;
    isOverfull = true;
    return false;
  };

  const raise = (userId: string, tokenVersion: number, expiresAt: number) => {
    const known = users.get(userId);
    if (!known) {
      if (!hasRoom()) return false;
      users.set(userId, { tokenVersion, expiresAt });
      addToFilter(userId);
      leaveAt(userId, expiresAt);
      return true;
    }
    // A lower version may expire later, so both maxima count.
    const isNew = tokenVersion > known.tokenVersion;
    if (isNew || expiresAt > known.expiresAt)
      users.set(userId, {
        tokenVersion: Math.max(tokenVersion, known.tokenVersion),
        expiresAt: Math.max(expiresAt, known.expiresAt),
      });
    return isNew;
  };

  const deny = (id: string, expiresAt: number) => {
    const known = denied.get(id);
    if (known === undefined ? !hasRoom() : known >= expiresAt) return false;
    denied.set(id, expiresAt);
    if (known !== undefined) return false;
    addToFilter(id);
    leaveAt(id, expiresAt);
    return true;
  };

  const isDenied = (id: string) => filter.mayHold(id) && denied.has(id);

  const clear = () => {
    users = new Map();
    denied = new Map();
    leaving = new Map();
    filter = createFilter(0);
    isOverfull = false;
    emptySince = now();
  };

  return {
    apply(entry) {
      const expiresAt = toSeconds(entry.expiresAt);
      switch (entry.kind) {
        case 'TOKEN':
          return deny(entry.tokenId, expiresAt);
        case 'SESSION':
          return deny(entry.sessionId, expiresAt);
        case 'KEY':
          return deny(entry.keyId, expiresAt);
        case 'USER':
          return raise(entry.userId, entry.tokenVersion, expiresAt);
        case 'EVERYONE': {
          const isNew = entry.globalVersion > globalVersion;
          if (isNew) globalVersion = entry.globalVersion;
          globalExpiresAt = Math.max(globalExpiresAt, expiresAt);
          return isNew;
        }
      }
    },

    lookUp({ claims, keyId }) {
      if (claims.exp * 1000 <= sweptUntil) return undefined;
      return {
        from: 'view',
        tokenVersion: filter.mayHold(claims.sub) ? (users.get(claims.sub)?.tokenVersion ?? 0) : 0,
        globalVersion,
        denied: isDenied(claims.jti) || isDenied(claims.sid),
        keyDenied: isDenied(keyId),
        asOf,
      };
    },

    noteAsOf(time) {
      asOf = Math.max(asOf, time);
    },

    sweep() {
      const lastSpan = spanOf(now()) - 1;
      // Remembered, since the clock may have been ahead. When it is put right, good tokens may be older than this.
      sweptUntil = Math.max(sweptUntil, lastSpan * SPAN);
      const hasPassed = (expiresAt: number) => spanOf(expiresAt * 1000) <= lastSpan;
      if (globalVersion > 0 && hasPassed(globalExpiresAt)) globalVersion = 0;
      for (const [span, names] of leaving) {
        if (span > lastSpan) continue;
        leaving.delete(span);
        for (const name of names) {
          const expiresAt = users.get(name)?.expiresAt ?? denied.get(name);
          if (expiresAt === undefined) continue;
          if (hasPassed(expiresAt)) {
            users.delete(name);
            denied.delete(name);
          } else {
            // It was revoked again, for longer.
            leaveAt(name, expiresAt);
          }
        }
      }
    },

    clear,

    get size() {
      return users.size + denied.size;
    },
    get isOverfull() {
      return isOverfull;
    },
    get emptySince() {
      return emptySince;
    },
  };
}
