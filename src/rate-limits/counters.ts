import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../core/clock';
import type { Limit } from './limits';
import { createMemoryCounter } from './memory-counter';

/** A Redis that throws if it cannot be reached. The client it passes to `commands` is from ioredis. */
export interface SharedCounters {
  run<T>(commands: (client: object) => Promise<T>): Promise<T>;
}

/** Counters by the name of a limit and a key. */
export interface Counters<Name extends string> {
  /** Counts one. Returns the ms to wait if the limit was exceeded, otherwise `undefined`. */
  take(name: Name, key: string): Promise<number | undefined>;
  /** Uncounts one. Never throws. */
  giveBack(name: Name, key: string): Promise<void>;
}

export interface CountersOptions<Name extends string> {
  readonly limits: Readonly<Record<Name, Limit>>;
  /** Where all nodes count together. While it cannot be reached, each node counts alone. */
  readonly redis?: SharedCounters;
  /** The prefix of the counters' names in Redis. */
  readonly prefix: string;
  readonly clock: Clock;
}

type Each<Name extends string, T> = Record<Name, T>;

const forEach = <Name extends string, T>(
  limits: Readonly<Record<Name, Limit>>,
  make: (limit: Limit, name: Name) => T,
) =>
  Object.fromEntries(
    Object.entries<Limit>(limits).map(([name, limit]) => [name, make(limit, name as Name)]),
  ) as Each<Name, T>;

export function createCounters<Name extends string>(options: CountersOptions<Name>): Counters<Name> {
  const { limits, redis, prefix, clock } = options;
  const inMemory = forEach(limits, (limit) => createMemoryCounter(limit, clock));

  // A limiter belongs to one connection, which is replaced when it breaks.
  const inRedis = new WeakMap<object, Each<Name, RateLimiterRedis>>();
  const onClient = (client: object) => {
    const known = inRedis.get(client);
    if (known) return known;
    const made = forEach(limits, (limit, name) => {
      return new RateLimiterRedis({ storeClient: client, keyPrefix: `${prefix}:${name}`, ...limit });
    });
    inRedis.set(client, made);
    return made;
  };

  return {
    async take(name, key) {
      if (!redis) return inMemory[name].take(key);
      try {
        return await redis.run(async (client) => {
          try {
            await onClient(client)[name].consume(key);
            return undefined;
          } catch (refusal) {
            if (refusal instanceof RateLimiterRes) return refusal.msBeforeNext;
            throw refusal;
          }
        });
      } catch {
        return inMemory[name].take(key);
      }
    },

    async giveBack(name, key) {
      inMemory[name].giveBack(key);
      // An attempt that cannot be uncounted does no harm.
      await redis?.run((client) => onClient(client)[name].reward(key)).catch(() => undefined);
    },
  };
}
