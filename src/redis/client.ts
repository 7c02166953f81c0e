import { Redis, type RedisOptions } from 'ioredis';
import { readRedisUrl } from '../core/redis-url';
import { serviceUnavailable } from '../core/errors';
import type { Availability } from '../core/availability';

/** ms after which a command is given up and its connection closed. */
const COMMAND_TIMEOUT = 1000;

/** ms within which a new connection must be ready. */
const HANDSHAKE_TIMEOUT = 2000;

/** ms for which a connection must have been in use before it may be renewed. */
const SHORTEST_USE = 1000;

/** ms between two attempts to connect: the first, and the longest. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 2000;

/** A URL of Redis, or a client whose settings are used to connect. */
export type RedisSource = string | { readonly options: RedisOptions };

/** A connection to Redis that reconnects in the background. While Redis is unreachable, calls fail fast. */
export interface RedisConnection {
  /**
   * Runs commands. Throws `SERVICE_UNAVAILABLE`, at once if Redis is not connected, after the deadline if it does not
   * answer.
   *
   * @param deadline ms; 1000 if left out
   */
  run<T>(commands: (client: Redis) => Promise<T>, deadline?: number): Promise<T>;
  /** Resolves when the first attempt to connect has ended, successful or not. */
  readonly tried: Promise<void>;
  /**
   * The error with which Redis refuses the database number in its address: a wrong setting, which waiting does not fix.
   */
  readonly refusal: string | undefined;
  /** Replaces the connection, which may lead to a former primary. Has an effect at most once a second. */
  renew(): void;
  close(): void;
}

/**
 * The settings that are taken from a given client: the address and the credentials. The rest is ours: a client may
 * decode answers differently, or time out a read that is meant to block. Its role is not taken, because only a primary
 * can be used.
 */
const WHERE = [
  'Connector',
  'host',
  'port',
  'path',
  'family',
  'tls',
  'username',
  'password',
  'db',
  'name',
  'sentinels',
  'sentinelUsername',
  'sentinelPassword',
  'sentinelTLS',
  'enableTLSForSentinelMode',
  'updateSentinels',
  'natMap',
] as const satisfies readonly (keyof RedisOptions)[];

const OURS: RedisOptions = {
  lazyConnect: true,
  connectionName: 'tokenfence',
  connectTimeout: HANDSHAKE_TIMEOUT,
  sentinelCommandTimeout: HANDSHAKE_TIMEOUT,
  keepAlive: 5000,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
};

/**
 * Opens one connection that ioredis never reopens: when ioredis replaces a connection, it forgets commands in progress
 * without an answer. A client that ends rejects them.
 *
 * Automatic pipelining stays off: after some faults it assigns answers to the wrong commands, and throws where no
 * caller can catch it. Commands that are sent together share a round trip anyway.
 */
function open(source: RedisSource): Redis {
  if (typeof source !== 'string') {
    const where = Object.fromEntries(WHERE.map((name) => [name, source.options[name]]));
    return new Redis({ ...where, ...OURS });
  }
  const address = readRedisUrl(source);
  if ('fault' in address) throw new Error(`The URL of Redis ${address.fault}`);
  // Field by field: ioredis takes any option from a URL's query, and prefers it to ours.
  const { isEncrypted, ...where } = address;
  return new Redis({ ...where, ...OURS, ...(isEncrypted && { tls: {} }) });
}

/** Whether Redis refuses the database number: it has fewer databases, or is a cluster. */
const isAboutDatabase = (error: Error) =>
  (error as { command?: { name?: string } }).command?.name?.toLowerCase() === 'select';

/** Closes a connection at once. A silent server would not answer a polite QUIT. */
function drop(client: Redis, reason: string): void {
  // The stream does not exist while the sentinels are asked for the primary.
  const { stream } = client as { stream?: Redis['stream'] };
  if (stream) stream.destroy(new Error(reason));
  else client.disconnect();
}

/**
 * Connects in the background and retries forever: a node must start, and survive, without Redis. Nothing is queued
 * while Redis is unreachable, and no command is sent twice.
 *
 * @param availability told when a connection is lost; the caller reports success
 */
export function connectRedis(
  source: RedisSource,
  availability: Pick<Availability, 'failed'>,
): RedisConnection {
  let current: Redis | undefined;
  let givenUp: Redis | undefined;
  let attempts = 0;
  let readySince = 0;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;
  let refusal: string | undefined;

  let markTried: () => void = () => undefined;
  const tried = new Promise<void>((resolve) => (markTried = resolve));

  const connect = () => {
    const client = open(source);
    current = client;
    let reason = 'the connection was closed';
    client.on('error', (error: Error) => {
      reason = error.message;
      // ioredis would continue with database 0, which may belong to others.
      if (isAboutDatabase(error)) {
        refusal = error.message;
        drop(client, error.message);
      }
    });
    // A paused server or a silently cut wire accepts the connection and never answers.
    const handshake = setTimeout(() => drop(client, 'no answer'), HANDSHAKE_TIMEOUT);
    client.on('ready', () => {
      clearTimeout(handshake);
      if (client.stream.destroyed) return;
      refusal = undefined;
      markTried();
      attempts = 0;
      readySince = performance.now();
    });
    // A client that still looks for the primary emits it twice.
    client.once('end', () => {
      clearTimeout(handshake);
      markTried();
      if (closed) return;
      if (client !== givenUp) availability.failed(reason);
      retry = setTimeout(connect, Math.min(FIRST_DELAY * 2 ** attempts++, LONGEST_DELAY));
    });
    client.connect().catch(() => undefined);
  };
  connect();

  return {
    tried,

    get refusal() {
      return refusal;
    },

    async run(commands, deadline = COMMAND_TIMEOUT) {
      const client = current;
      if (client?.status !== 'ready' || client.stream.destroyed)
        throw serviceUnavailable(new Error('Redis is not connected'));
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          reject(new Error('Redis did not answer in time'));
          // Later commands would wait behind this one. Without a connection they fail fast.
          drop(client, 'no answer in time');
        }, deadline);
      });
      try {
        return await Promise.race([commands(client), silence]);
      } catch (error) {
        // A programming error is not an unreachable Redis.
        if (error instanceof TypeError || error instanceof RangeError) throw error;
        // The server became a replica. A new connection may find the primary.
        if (error instanceof Error && error.message.includes('READONLY')) drop(client, 'not the primary');
        throw serviceUnavailable(error);
      } finally {
        clearTimeout(timer);
      }
    },

    renew() {
      if (current?.status !== 'ready' || performance.now() - readySince < SHORTEST_USE) return;
      givenUp = current;
      drop(current, 'renewed');
    },

    close() {
      closed = true;
      clearTimeout(retry);
      if (current?.status !== 'end') current?.disconnect();
    },
  };
}
