import type { Redis, RedisOptions } from 'ioredis';
import { redisDriver } from './driver';

/** ms within which the connection must be there. The caller limits the rest. */
const CONNECT_TIMEOUT = 2000;

/** The name of our connections, for `CLIENT LIST`. */
export const NAME = 'tokenfence';

const OURS: RedisOptions = {
  lazyConnect: true,
  connectionName: NAME,
  connectTimeout: CONNECT_TIMEOUT,
  sentinelCommandTimeout: CONNECT_TIMEOUT,
  keepAlive: 5000,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
};

/** Redis refuses the database number: it has fewer databases, or is a cluster. Waiting does not fix it. */
export class DatabaseRefused extends Error {}

const isAboutDatabase = (error: Error) =>
  (error as { command?: { name?: string } }).command?.name?.toLowerCase() === 'select';

/** Closes a connection at once. A silent server would not answer a polite QUIT. */
export function drop(client: Redis, reason: string): void {
  // The stream does not exist while a Connector of the application looks for the server.
  const { stream } = client as { stream?: Redis['stream'] };
  if (stream) stream.destroy(new Error(reason));
  else client.disconnect();
}

/**
 * Opens one connection that ioredis never reopens: when ioredis replaces a connection, it forgets commands in progress
 * without an answer. A client that ends rejects them.
 *
 * Automatic pipelining stays off: after some faults it assigns answers to the wrong commands, and throws where no
 * caller can catch it. Commands that are sent together share a round trip anyway.
 *
 * @param signal closes it, also when it is ready
 * @returns the client when it is ready. Rejects with the reason why it never is.
 */
export function openRedis(options: RedisOptions, signal: AbortSignal): Promise<Redis> {
  const { Redis } = redisDriver();
  const client = new Redis({ ...options, ...OURS });
  return new Promise((resolve, reject) => {
    /** The first error. Those after it follow from it. */
    let reason: Error | undefined;
    const stop = () => drop(client, 'no answer');
    client.on('error', (error: Error) => {
      // ioredis would continue with database 0, which may belong to others.
      const isRefusal = isAboutDatabase(error);
      reason ??= isRefusal ? new DatabaseRefused(error.message) : error;
      if (isRefusal) drop(client, error.message);
    });
    client.once('ready', () => {
      // Without a check of its own, ioredis is ready although the password was refused.
      if (reason) drop(client, reason.message);
      else if (!client.stream.destroyed) resolve(client);
    });
    client.once('end', () => {
      signal.removeEventListener('abort', stop);
      reject(reason ?? new Error('the connection was closed'));
    });
    client.connect().catch(() => undefined);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
