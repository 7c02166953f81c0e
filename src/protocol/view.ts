import type { VerifiedToken } from '../core/claims';
import type { FoundInView } from '../core/decision';
import type { LoggedRevocation } from '../core/revocation';
import { createFilter } from './filter';

/** The revocations that can still matter, in the memory of one process. Takes them in any order, and more than once. */
export interface View {
  /** Answers whether it did not know of it yet. */
  apply(entry: LoggedRevocation): boolean;
  /**
   * What it says on a token, whether it may be asked being the source's to know; `undefined` for one that ran out so long
   * ago that what refuses it may have been let go of.
   */
  lookUp(token: VerifiedToken): FoundInView | undefined;
  /**
   * Notes that what had expired by then may be missing.
   *
   * @param time ms since the epoch, by the clock of Postgres
   */
  noteAsOf(time: number): void;
  /** Lets go of what can matter no more. */
  sweep(): void;
  /** Lets go of all names. */
  clear(): void;
  /** How many users, tokens, sessions and keys it names. */
  readonly size: number;
  /** It was given more than it may hold, and has not all of it. */
  readonly isOverfull: boolean;
  /** ms since the epoch; when it last held nothing: as it was made, or all was let go of. */
  readonly emptySince: number;
}

interface UserEntry {
  readonly tokenVersion: number;
  readonly expiresAt: number;
}

/** ms; entries that expire within the same one leave together. */
const SPAN = 60_000;

/** The one that this moment, in ms, ends or lies in. */
const spanOf = (time: number) => Math.ceil(time / SPAN);

// Expiries are kept in s: numbers of that size lie in the tables themselves, larger ones each in a place of its own.
const toSeconds = (ms: number) => Math.ceil(ms / 1000);

/**
 * @param limit names that it may hold
 * @param now ms since the epoch
 */
export function createView(limit: number, now: () => number): View {
  let users = new Map<string, UserEntry>();
  /** Token ids, session ids and key ids to their expiry: ids are unique, so one table holds them all. */
  let denied = new Map<string, number>();
  /** What to look at when a span has ended, so that nobody has to look through everything. Each name is in one of them. */
  let leaving = new Map<number, string[]>();
  /** All names of both tables; and, until it is made anew, some that have left. */
  let filter = createFilter(0);
  let globalVersion = 0;
  /** s since the epoch; past it, no token that the version refuses can be good. */
  let globalExpiresAt = 0;
  let isOverfull = false;
  let emptySince = now();
  /** ms since the epoch, by the clock of Postgres. */
  let asOf = 0;
  /** ms since the epoch; what expired until then has gone. */
  let sweptUntil = 0;

  const leaveAt = (name: string, expiresAt: number) => {
    const span = spanOf(expiresAt * 1000);
    const names = leaving.get(span);
    if (names) names.push(name);
    else leaving.set(span, [name]);
  };

  /** To be called when the name is in its table. */
  const sift = (name: string) => {
    filter.add(name);
    if (!filter.isFull) return;
    // With room for as many again, so that this is done ever more rarely.
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
      sift(userId);
      leaveAt(userId, expiresAt);
      return true;
    }
    // A lower version may be in force for longer, so both maxima count.
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
    sift(id);
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
      // Remembered, as the clock may have been ahead, and be put right again: then good tokens are older than this.
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
            // It was named again since, for longer.
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
