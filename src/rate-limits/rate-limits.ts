import { createHash } from 'node:crypto';
import { process as unmap } from 'ipaddr.js';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import { emailKey } from '../core/account';
import { rateLimited } from '../core/errors';
import type { RateLimits } from '../core/ports/rate-limits';

/** Attempts a minute. */
const LIMITS = {
  // By account and address together: nobody can lock another one's account from elsewhere.
  'password-account': 10,
  'password-address': 100,
  registration: 20,
  refresh: 60,
} as const;

/** An IPv6 customer has at least a /64 to themselves, so that is what counts as one address. */
function networkOf(address: string): string {
  try {
    const parsed = unmap(address);
    return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.');
  } catch {
    return address;
  }
}

/**
 * @param redis an ioredis client, if there is one: then all nodes count together, and each for itself while it is away
 */
export function createRateLimits(redis?: unknown): RateLimits {
  const limiterOf = (name: string, points: number): RateLimiterAbstract => {
    const memory = new RateLimiterMemory({ points, duration: 60, keyPrefix: name });
    if (redis === undefined) return memory;
    return new RateLimiterRedis({
      storeClient: redis,
      points,
      duration: 60,
      keyPrefix: `{tokenfence}:limit:${name}`,
      insuranceLimiter: memory,
      rejectIfRedisNotReady: true,
    });
  };
  const limiters = new Map(Object.entries(LIMITS).map(([name, points]) => [name, limiterOf(name, points)]));

  const count = async (name: keyof typeof LIMITS, key: string) => {
    try {
      await limiters.get(name)?.consume(key);
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes)
        throw rateLimited(Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)));
      throw refusal;
    }
  };

  return {
    async passwordAttempt(account, address) {
      const network = networkOf(address);
      const key = createHash('sha256')
        .update(`${emailKey(account)}\n${network}`)
        .digest('base64url');
      await count('password-address', network);
      await count('password-account', key);
    },
    registration: (address) => count('registration', networkOf(address)),
    refresh: (address) => count('refresh', networkOf(address)),
  };
}

/** For load tests behind a limiter of one's own. */
export const unlimited: RateLimits = {
  passwordAttempt: () => Promise.resolve(),
  registration: () => Promise.resolve(),
  refresh: () => Promise.resolve(),
};
