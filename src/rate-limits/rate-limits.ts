import { createHash } from 'node:crypto';
import { blockOf, siteOf } from '../core/address';
import type { Clock } from '../core/clock';
import { emailKey } from '../core/email';
import { rateLimited } from '../core/errors';
import type { Origin, PasswordAttempt, RateLimits } from '../core/ports/rate-limits';
import type { RecordRefusal } from '../core/ports/refusals';
import { type Counter, createCounter, type SharedCounters } from './counter';
import { BAD_LOOKUP_LIMIT, type LimitName, limitOf, type LimitSettings } from './limits';
import { createMemoryCounter } from './memory-counter';

export interface RateLimitsOptions extends LimitSettings {
  readonly redis?: SharedCounters;
  readonly prefix: string;
  readonly clock: Clock;
  readonly recordRefusal: RecordRefusal;
}

/** A request, or the command line, which has no address. */
type From = Partial<Origin>;

/** Hashes the parts, so that keys have one length and Redis holds no readable email. */
const keyOf = (...parts: string[]) => createHash('sha256').update(parts.join('\n')).digest('base64url');

/** Returns the counter of a limit, which it creates when it is first used. */
function createCounters(options: RateLimitsOptions): (name: LimitName) => Counter {
  const counters = new Map<LimitName, Counter>();
  return (name) => {
    const limit = limitOf(name, options);
    const prefix = `${options.prefix}:${name}`;
    const counter = counters.get(name) ?? createCounter({ ...options, limit, prefix });
    counters.set(name, counter);
    return counter;
  };
}

/** Returns the function that records a refusal and makes its error. */
const createRefusal =
  (recordRefusal: RecordRefusal) => (reason: string, ms: number, origin: From, sessionId?: string) => {
    const { ipAddress, userAgent, requestId } = origin;
    recordRefusal({ type: 'RATE_LIMIT_REACHED', reason, sessionId, ipAddress, userAgent, requestId });
    return rateLimited(Math.max(1, Math.ceil(ms / 1000)));
  };

/** Returns the function that counts one. It returns the function that uncounts it. */
const createCount =
  (counterOf: (name: LimitName) => Counter, refusal: ReturnType<typeof createRefusal>) =>
  async (name: LimitName, key: string, origin: From, sessionId?: string): Promise<() => Promise<void>> => {
    const ms = await counterOf(name).take(key);
    if (ms !== undefined) throw refusal(name, ms, origin, sessionId);
    return () => counterOf(name).giveBack(key);
  };

/** Limits the attempts of an address, a session and everyone together. The numbers are in limits.ts. */
export function createRateLimits(options: RateLimitsOptions): RateLimits {
  const { clock, recordRefusal } = options;
  const counterOf = createCounters(options);
  const badLookups = createMemoryCounter(BAD_LOOKUP_LIMIT, clock);

  const refusal = createRefusal(recordRefusal);
  const count = createCount(counterOf, refusal);

  const countAddress = async (what: 'password' | 'registration' | 'mail' | 'bad-token', origin: Origin) => {
    const [block, site] = [blockOf(origin.ipAddress), siteOf(origin.ipAddress)];
    await count(`${what}-by-address`, block, origin);
    if (site !== block) await count(`${what}-by-site`, site, origin);
  };

  const countMail = async (what: 'mail' | 'administrator-mail', recipient: string, origin: From) => {
    await count(`${what}-by-recipient`, keyOf(emailKey(recipient)), origin);
    // Last, so that what the other limits refuse does not use up the day of everyone.
    await count(`${what}-of-everyone`, 'all', origin);
  };

  const countId = async (name: LimitName, id: string, origin: Origin, sessionId?: string) => {
    await count(name, id, origin, sessionId);
  };

  /** Counts towards the account's hour. Returns the function that uncounts it. */
  const countHour = async ({ account, sessionId, isKnownAddress }: PasswordAttempt, origin: Origin) => {
    const email = emailKey(account);
    const known = 'password-by-account-and-known-network';
    if (sessionId !== undefined) return count(known, keyOf(email, sessionId), origin, sessionId);
    const everyones = 'password-by-account';
    const ms = await counterOf(everyones).take(keyOf(email));
    if (ms === undefined) return () => counterOf(everyones).giveBack(keyOf(email));
    if (!(await isKnownAddress())) throw refusal(everyones, ms, origin);
    return count(known, keyOf(email, blockOf(origin.ipAddress)), origin);
  };

  return {
    async passwordAttempt(attempt, origin) {
      await countAddress('password', origin);
      const key = keyOf(emailKey(attempt.account), blockOf(origin.ipAddress));
      await count('password-by-account-and-address', key, origin);
      return countHour(attempt, origin);
    },

    registration: (origin) => countAddress('registration', origin),

    async mail(recipient, origin) {
      await countAddress('mail', origin);
      await count('mail-by-site-and-day', siteOf(origin.ipAddress), origin);
      await countMail('mail', recipient, origin);
    },
    administratorMail: (recipient, origin) => countMail('administrator-mail', recipient, origin),

    tokenLookup(origin) {
      const ms = badLookups.wouldWait(siteOf(origin.ipAddress));
      return ms === undefined ? Promise.resolve() : Promise.reject(refusal('bad-token-lookups', ms, origin));
    },

    async badToken(origin) {
      badLookups.take(siteOf(origin.ipAddress));
      await countAddress('bad-token', origin);
    },

    refresh: (sessionId, origin) => countId('refresh-by-session', sessionId, origin, sessionId),
    logout: (sessionId, origin) => countId('logout-by-session', sessionId, origin, sessionId),
    write: (sessionId, origin) => countId('write-by-session', sessionId, origin, sessionId),
    userRevocation: (userId, origin) => countId('revocation-by-user', userId, origin),
  };
}

const pass = () => Promise.resolve();

/** No limits, for load tests or behind another rate limiter. */
export const unlimited: RateLimits = {
  passwordAttempt: () => Promise.resolve(pass),
  registration: pass,
  mail: pass,
  administratorMail: pass,
  tokenLookup: pass,
  badToken: pass,
  refresh: pass,
  logout: pass,
  write: pass,
  userRevocation: pass,
};
