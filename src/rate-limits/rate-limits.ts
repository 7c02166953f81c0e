import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import { emailKey } from '../core/email';
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
    // Takes an IPv4 address written as IPv6 for what it is.
    const parsed = ipaddr.process(address);
    return parsed.kind() === 'ipv4' ? parsed.toString() : parsed.toByteArray().slice(0, 8).join('.');
  } catch {
    return address;
  }
}

type LimitName = keyof typeof LIMITS;
type Limiters = ReadonlyMap<string, RateLimiterAbstract>;

/** A Redis that is there or throws; the client that it hands to `commands` is an ioredis one. */
export interface SharedCounters {
  run<T>(commands: (client: object) => Promise<T>): Promise<T>;
}

function limitersOf(make: (name: string, points: number) => RateLimiterAbstract): Limiters {
  return new Map(Object.entries(LIMITS).map(([name, points]) => [name, make(name, points)]));
}

/**
 * @param redis where all nodes count together, if there is one; while it is away, each counts for itself
 * @param prefix what the names of the counters in Redis begin with
 */
export function createRateLimits(redis?: SharedCounters, prefix = ''): RateLimits {
  const inMemory = limitersOf(
    (keyPrefix, points) => new RateLimiterMemory({ keyPrefix, points, duration: 60 }),
  );

  // A limiter belongs to one connection, and a connection that broke is replaced.
  const inRedis = new WeakMap<object, Limiters>();
  const onClient = (client: object): Limiters => {
    const known = inRedis.get(client);
    if (known) return known;
    const made = limitersOf(
      (name, points) =>
        new RateLimiterRedis({
          storeClient: client,
          keyPrefix: `${prefix}:${name}`,
          points,
          duration: 60,
        }),
    );
    inRedis.set(client, made);
    return made;
  };

  /** Counts one, and answers the refusal if it was one too many. */
  const consume = async (
    limiters: Limiters,
    name: LimitName,
    key: string,
  ): Promise<RateLimiterRes | undefined> => {
    try {
      await limiters.get(name)?.consume(key);
      return undefined;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return refusal;
      throw refusal;
    }
  };

  const count = async (name: LimitName, key: string) => {
    const refusal = redis
      ? await redis
          .run((client) => consume(onClient(client), name, key))
          .catch(() => consume(inMemory, name, key))
      : await consume(inMemory, name, key);
    if (refusal) throw rateLimited(Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)));
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
