import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../core/clock';
import type { Limit } from './limits';
import { createMemoryCounter } from './memory-counter';

/** A Redis that is there or throws; the client that it hands to `commands` is an ioredis one. */
export interface SharedCounters {
  run<T>(commands: (client: object) => Promise<T>): Promise<T>;
}

/** Counts by the name of a limit and a key. */
export interface Counters<Name extends string> {
  /** Counts one; answers the ms to wait if it was one too many, and `undefined` otherwise. */
  take(name: Name, key: string): Promise<number | undefined>;
  /** Takes one back. Never throws. */
  giveBack(name: Name, key: string): Promise<void>;
}

export interface CountersOptions<Name extends string> {
  readonly limits: Readonly<Record<Name, Limit>>;
  /** Where all nodes count together, if there is one; while it is away, each counts for itself. */
  readonly redis?: SharedCounters;
  /** What the names of the counters in Redis begin with. */
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

  // A limiter belongs to one connection, and a connection that broke is replaced.
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
      // Counted there or not, it is no loss if it can't be given back.
      await redis?.run((client) => onClient(client)[name].reward(key)).catch(() => undefined);
    },
  };
}
