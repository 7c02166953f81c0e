import { createHash } from 'node:crypto';
import { networkOf, siteOf } from '../core/address';
import type { Clock } from '../core/clock';
import { emailKey } from '../core/email';
import { rateLimited } from '../core/errors';
import type { Origin, RateLimits } from '../core/ports/rate-limits';
import type { RecordRefusal } from '../core/ports/refusals';
import { createCounters, type SharedCounters } from './counters';
import { type LimitName, limitsOf, BAD_LOOKUP_LIMIT } from './limits';
import { createMemoryCounter } from './memory-counter';

export interface RateLimitsOptions {
  readonly redis?: SharedCounters;
  readonly prefix: string;
  readonly clock: Clock;
  readonly passwordAttemptsPerHour: number;
  readonly recordRefusal: RecordRefusal;
}

/** Hashes the parts, so that keys have one length and Redis holds no readable email. */
const keyOf = (...parts: string[]) => createHash('sha256').update(parts.join('\n')).digest('base64url');

/** Limits the attempts of an address, a session and everyone together. The numbers are in limits.ts. */
export function createRateLimits(options: RateLimitsOptions): RateLimits {
  const { clock, passwordAttemptsPerHour, recordRefusal } = options;
  const counters = createCounters({ ...options, limits: limitsOf(passwordAttemptsPerHour) });
  const badLookups = createMemoryCounter(BAD_LOOKUP_LIMIT, clock);

  const refusal = (reason: string, ms: number, origin: Origin, sessionId?: string) => {
    const { ipAddress, userAgent, requestId } = origin;
    recordRefusal({ type: 'RATE_LIMIT_REACHED', reason, sessionId, ipAddress, userAgent, requestId });
    return rateLimited(Math.max(1, Math.ceil(ms / 1000)));
  };

  const count = async (name: LimitName, key: string, origin: Origin, sessionId?: string) => {
    const ms = await counters.take(name, key);
    if (ms !== undefined) throw refusal(name, ms, origin, sessionId);
  };

  const countAddress = async (what: 'password' | 'registration' | 'bad-token', origin: Origin) => {
    const { ipAddress } = origin;
    await count(`${what}-by-address`, networkOf(ipAddress), origin);
    if (siteOf(ipAddress) !== networkOf(ipAddress)) await count(`${what}-by-site`, siteOf(ipAddress), origin);
  };

  /** Counts towards the account's hour. Returns the counter that it used. */
  const countHour: (
    attempt: Parameters<RateLimits['passwordAttempt']>[0],
    origin: Origin,
  ) => Promise<[LimitName, string]> = async ({ account, sessionId, isKnownNetwork }, origin) => {
    const email = emailKey(account);
    const known = 'password-by-account-and-known-network';
    if (sessionId !== undefined) {
      const key = keyOf(email, sessionId);
      await count(known, key, origin, sessionId);
      return [known, key];
    }
    const everyones = 'password-by-account';
    const ms = await counters.take(everyones, keyOf(email));
    if (ms === undefined) return [everyones, keyOf(email)];
    if (!(await isKnownNetwork())) throw refusal(everyones, ms, origin);
    const key = keyOf(email, networkOf(origin.ipAddress));
    await count(known, key, origin);
    return [known, key];
  };

  return {
    async passwordAttempt(attempt, origin) {
      await countAddress('password', origin);
      const key = keyOf(emailKey(attempt.account), networkOf(origin.ipAddress));
      await count('password-by-account-and-address', key, origin);
      const counted = await countHour(attempt, origin);
      return () => counters.giveBack(...counted);
    },

    registration: (origin) => countAddress('registration', origin),

    tokenLookup(origin) {
      const ms = badLookups.wouldWait(siteOf(origin.ipAddress));
      return ms === undefined ? Promise.resolve() : Promise.reject(refusal('bad-token-lookups', ms, origin));
    },

    async badToken(origin) {
      badLookups.take(siteOf(origin.ipAddress));
      await countAddress('bad-token', origin);
    },

    refresh: (sessionId, origin) => count('refresh-by-session', sessionId, origin, sessionId),
    logout: (sessionId, origin) => count('logout-by-session', sessionId, origin, sessionId),
    write: (sessionId, origin) => count('write-by-session', sessionId, origin, sessionId),
  };
}

const pass = () => Promise.resolve();

/** No limits, for load tests or behind another rate limiter. */
export const unlimited: RateLimits = {
  passwordAttempt: () => Promise.resolve(pass),
  registration: pass,
  tokenLookup: pass,
  badToken: pass,
  refresh: pass,
  logout: pass,
  write: pass,
};
