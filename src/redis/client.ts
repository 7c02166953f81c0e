import type { Redis, RedisOptions } from 'ioredis';
import { readRedisUrl } from '../core/redis-url';
import { serviceUnavailable } from '../core/errors';
import type { Availability } from '../core/availability';
import { redisDriver } from './driver';

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
  const { Redis } = redisDriver();
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
 * A connection to Redis that is made in the background, and made again forever: a node must start, and survive, without
 * Redis. Meanwhile calls fail fast. Nothing is queued, and no command is sent twice.
 */
export class RedisConnection {
  /** Resolves when the first attempt to connect has ended, successful or not. */
  readonly tried: Promise<void>;
  private markTried: () => void = () => undefined;
  private current: Redis;
  private givenUp: Redis | undefined;
  private refused: string | undefined;
  private attempts = 0;
  private readySince = 0;
  private closed = false;
  private retry: NodeJS.Timeout | undefined;

  /** @param availability told when a connection is lost; the caller reports success */
  constructor(
    private readonly source: RedisSource,
    private readonly availability: Pick<Availability, 'failed'>,
  ) {
    this.tried = new Promise((resolve) => (this.markTried = resolve));
    this.current = this.connect();
  }

  /**
   * The error with which Redis refuses the database number in its address: a wrong setting, which waiting does not fix.
   */
  get refusal(): string | undefined {
    return this.refused;
  }

  /**
   * Runs commands. Throws `SERVICE_UNAVAILABLE`, at once if Redis is not connected, after the deadline if it does not
   * answer.
   *
   * @param deadline ms
   */
  async run<T>(commands: (client: Redis) => Promise<T>, deadline = COMMAND_TIMEOUT): Promise<T> {
    const client = this.current;
    if (client.status !== 'ready' || client.stream.destroyed)
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
  }

  /** Replaces the connection, which may lead to a former primary. Has an effect at most once a second. */
  renew(): void {
    if (this.current.status !== 'ready' || performance.now() - this.readySince < SHORTEST_USE) return;
    this.givenUp = this.current;
    drop(this.current, 'renewed');
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    if (this.current.status !== 'end') this.current.disconnect();
  }

  private connect(): Redis {
    const client = open(this.source);
    let reason = 'the connection was closed';
    client.on('error', (error: Error) => {
      reason = error.message;
      // ioredis would continue with database 0, which may belong to others.
      if (isAboutDatabase(error)) {
        this.refused = error.message;
        drop(client, error.message);
      }
    });
    // A paused server or a silently cut wire accepts the connection and never answers.
    const handshake = setTimeout(() => drop(client, 'no answer'), HANDSHAKE_TIMEOUT);
    client.on('ready', () => {
      clearTimeout(handshake);
      if (client.stream.destroyed) return;
      this.refused = undefined;
      this.markTried();
      this.attempts = 0;
      this.readySince = performance.now();
    });
    // A client that still looks for the primary emits it twice.
    client.once('end', () => {
      clearTimeout(handshake);
      this.markTried();
      if (this.closed) return;
      if (client !== this.givenUp) this.availability.failed(reason);
      const delay = Math.min(FIRST_DELAY * 2 ** this.attempts++, LONGEST_DELAY);
      this.retry = setTimeout(() => (this.current = this.connect()), delay);
    });
    client.connect().catch(() => undefined);
    return client;
  }
}

export const connectRedis = (source: RedisSource, availability: Pick<Availability, 'failed'>) =>
  new RedisConnection(source, availability);
