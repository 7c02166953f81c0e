import type { VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { type LoggedRevocation, refuses } from '../core/revocation';

/** The revocations that were announced last, to be held against whoever joins. */
export interface Recent {
  add(entry: LoggedRevocation): void;
  /** There was one that is not added. */
  passOver(): void;
  /** The one among them that refuses this token, if any. However many there are, it costs the same. */
  refusing(token: VerifiedToken): LoggedRevocation | undefined;
  /** Some are missing: those that were passed over, or had to make room. */
  readonly isPartial: boolean;
  /** How many are remembered. */
  readonly size: number;
  stop(): void;
}

/** ms for which each is remembered at least, and at most twice as long. No check of a token takes so long. */
export const REMEMBERED = 30_000;

/** What it holds at most is twice this: some 10 MB. */
export const MOST = 20_000;

const EVERYONE = 'everyone';

/** What it names. Ids are unique, so one table holds them all. */
function nameIn(entry: LoggedRevocation): string {
  switch (entry.kind) {
    case 'TOKEN':
      return entry.tokenId;
    case 'SESSION':
      return entry.sessionId;
    case 'USER':
      return entry.userId;
    case 'EVERYONE':
      return EVERYONE;
    case 'KEY':
      return entry.keyId;
  }
}

function versionIn(entry: LoggedRevocation): number {
  if (entry.kind === 'USER') return entry.tokenVersion;
  return entry.kind === 'EVERYONE' ? entry.globalVersion : 0;
}

/** @param most names after which the older ones have to make room */
export function createRecent(clock: Clock, most = MOST): Recent {
  // Two tables of which the older one is thrown away as a whole, so that nobody looks for what is over.
  let younger = new Map<string, LoggedRevocation>();
  let older = new Map<string, LoggedRevocation>();
  let turnedAt = clock.monotonic();
  let partialUntil = -Infinity;

  const turn = () => {
    older = younger;
    younger = new Map();
    turnedAt = clock.monotonic();
  };
  const passOver = () => {
    partialUntil = clock.monotonic() + REMEMBERED;
  };
  const forget = () => {
    const age = clock.monotonic() - turnedAt;
    if (age >= REMEMBERED) turn();
    if (age >= 2 * REMEMBERED) turn();
  };
  // Also where nobody joins and nothing is revoked any more.
  const forgetting = setInterval(forget, REMEMBERED).unref();

  return {
    add(entry) {
      forget();
      const name = nameIn(entry);
      const known = younger.get(name);
      // They may come out of order: the one that refuses more counts.
      if (known && versionIn(known) > versionIn(entry)) return;
      if (!known && younger.size >= most) {
        if (older.size > 0) passOver();
        turn();
      }
      younger.set(name, entry);
    },
    passOver,
    refusing(token) {
      forget();
      const { jti, sid, sub } = token.claims;
      for (const name of [jti, sid, sub, token.keyId, EVERYONE]) {
        for (const entry of [younger.get(name), older.get(name)]) {
          if (entry && refuses(entry, token)) return entry;
        }
      }
      return undefined;
    },
    get isPartial() {
      return clock.monotonic() < partialUntil;
    },
    get size() {
      return younger.size + older.size;
    },
    stop() {
      clearInterval(forgetting);
    },
  };
}
