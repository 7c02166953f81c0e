import { Redis } from 'ioredis';
import { serviceUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';

/** ms after which a command is given up, and its connection with it. */
const COMMAND_TIMEOUT = 1000;

/** A connection to Redis that comes and goes without anyone noticing but by a fast `SERVICE_UNAVAILABLE`. */
export interface RedisConnection {
  readonly client: Redis;
  /** Runs commands; throws `SERVICE_UNAVAILABLE` at once while Redis is away, and after a deadline when it is silent. */
  run<T>(commands: (client: Redis) => Promise<T>): Promise<T>;
  close(): void;
}

/**
 * Connects in the background and for ever: that Redis is down must not keep a node from starting, nor a blip bring
 * it down. Nothing is queued while it is away and nothing is sent twice behind our back.
 */
export function connectRedis(url: string, logger: Logger): RedisConnection {
  const client = new Redis(url, {
    lazyConnect: true,
    connectionName: 'tokenfence',
    connectTimeout: 2000,
    keepAlive: 5000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2000),
    // A server that still loads its data answers, but not to us.
    enableReadyCheck: true,
  });

  // Said once when it goes and once when it is back, not with every attempt or request.
  let state: 'new' | 'up' | 'down' = 'new';
  client.on('ready', () => {
    if (state === 'down') logger.info({ store: 'redis' }, 'Redis is back.');
    state = 'up';
  });
  client.on('error', (error: Error) => {
    if (state !== 'down') {
      logger.warn(
        { store: 'redis', reason: error.message },
        'Redis is away. Tokens are checked in Postgres until it is back.',
      );
    }
    state = 'down';
  });
  client.on('close', () => {
    if (state === 'up') client.emit('error', new Error('the connection was closed'));
  });
  client.connect().catch(() => undefined);

  return {
    client,
    async run(commands) {
      if (client.status !== 'ready') throw serviceUnavailable(new Error('Redis is not connected'));
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(serviceUnavailable(new Error('Redis did not answer in time')));
          // Later commands would only wait behind this one. With a new connection they fail fast until it is ready.
          client.disconnect(true);
        }, COMMAND_TIMEOUT);
      });
      try {
        return await Promise.race([commands(client), deadline]);
      } catch (error) {
        throw serviceUnavailable(error);
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      client.removeAllListeners('close');
      client.disconnect();
    },
  };
}
