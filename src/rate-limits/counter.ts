import { RateLimiterRedis } from 'rate-limiter-flexible';
import type { Clock } from '../core/clock';
import type { Limit } from './limits';
import { createMemoryCounter } from './memory-counter';

/** A Redis that throws if it cannot be reached. The client it passes to `commands` is from ioredis. */
export interface SharedCounters {
  run<T>(commands: (client: object) => Promise<T>): Promise<T>;
}

/** Counts towards one limit, by key. */
export interface Counter {
  /** Counts one. Returns the ms to wait if the limit was exceeded, otherwise `undefined`. */
  take(key: string): Promise<number | undefined>;
  /** Uncounts one. Never throws. */
  giveBack(key: string): Promise<void>;
}

export interface CounterOptions {
  readonly limit: Limit;
  /** Where all nodes count together. While it cannot be reached, each node counts alone. */
  readonly redis?: SharedCounters;
  /** The prefix of the keys in Redis. */
  readonly prefix: string;
  readonly clock: Clock;
}

export function createCounter({ limit, redis, prefix, clock }: CounterOptions): Counter {
  const inMemory = createMemoryCounter(limit, clock);

  // A limiter belongs to one connection, which is replaced when it breaks.
  const limiters = new WeakMap<object, RateLimiterRedis>();
  const limiterOn = (client: object) => {
    const limiter =
      limiters.get(client) ?? new RateLimiterRedis({ storeClient: client, keyPrefix: prefix, ...limit });
    limiters.set(client, limiter);
    return limiter;
  };

  return {
    async take(key) {
      if (!redis) return inMemory.take(key);
      try {
        // It counts like `consume`, but does not reject beyond the limit.
        const { consumedPoints, msBeforeNext } = await redis.run((client) => limiterOn(client).penalty(key));
        return consumedPoints > limit.points ? msBeforeNext : undefined;
      } catch {
        return inMemory.take(key);
      }
    },

    async giveBack(key) {
      inMemory.giveBack(key);
      // An attempt that cannot be uncounted does no harm.
      await redis?.run((client) => limiterOn(client).reward(key)).catch(() => undefined);
    },
  };
}
