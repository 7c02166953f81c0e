import { Redis, type RedisOptions } from 'ioredis';
import { readRedisUrl } from '../core/addresses/redis-url';
import { serviceUnavailable } from '../core/errors';
import type { Availability } from '../core/availability';

/** ms after which a command is given up, and its connection with it. */
const COMMAND_TIMEOUT = 1000;

/** ms that a new connection may take until it is of use. */
const HANDSHAKE_TIMEOUT = 2000;

/** ms that a connection is used before it may be renewed. */
const SHORTEST_USE = 1000;

/** ms between two attempts to connect: the first, and the longest. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 2000;

/** Where Redis is: its URL, or a client whose settings say where, and as whom. */
export type RedisSource = string | { readonly options: RedisOptions };

/** A connection to Redis that comes and goes without anyone noticing but by a fast `SERVICE_UNAVAILABLE`. */
export interface RedisConnection {
  /**
   * Runs commands; throws `SERVICE_UNAVAILABLE` at once while Redis is away, and after a deadline when it is silent.
   *
   * @param deadline ms; a second if left out
   */
  run<T>(commands: (client: Redis) => Promise<T>, deadline?: number): Promise<T>;
  /** Resolves when the first attempt to connect has ended, well or not. */
  readonly tried: Promise<void>;
  /** Why Redis refuses the number of the database in its address: a fault of the settings, that no waiting mends. */
  readonly refusal: string | undefined;
  /**
   * Gives up the connection for a new one: this one may lead to a server that is not the primary any more. Not more often
   * than once a second.
   */
  renew(): void;
  close(): void;
}

/**
 * What is taken over of a client's settings: where Redis is and as whom to go there. How answers are read, and how long
 * they are waited for, is ours to say: a client may have them as texts, or give up a read that is meant to block. Nor is
 * the role taken: only a primary will do.
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
 * Opens one connection, for good or for ill: it is never opened again by the library. ioredis forgets, without an
 * answer, what was under way on a connection that it replaces. A client that ends rejects what it still owes.
 *
 * Its automatic pipelining stays off: it mixes up which answer is whose after some faults, and throws where nobody can
 * catch it. Commands that are sent without waiting for each other share a round trip in any case.
 */
function open(source: RedisSource): Redis {
  if (typeof source !== 'string') {
    const where = Object.fromEntries(WHERE.map((name) => [name, source.options[name]]));
    return new Redis({ ...where, ...OURS });
  }
  const address = readRedisUrl(source);
  if ('fault' in address) throw new Error(`The URL of Redis ${address.fault}`);
  // Field by field: ioredis takes any option from the query of a URL, and prefers it to what it is told.
  const { isEncrypted, ...where } = address;
  return new Redis({ ...where, ...OURS, ...(isEncrypted && { tls: {} }) });
}

/** Whether Redis refuses the database of the address: it has fewer, or is a cluster. */
const isAboutDatabase = (error: Error) =>
  (error as { command?: { name?: string } }).command?.name?.toLowerCase() === 'select';

/** Ends a connection at once. Destroyed, not ended: a silent server would not take leave either. */
function drop(client: Redis, reason: string): void {
  // There is no stream yet as long as the sentinels are asked where the primary is.
  const { stream } = client as { stream?: Redis['stream'] };
  if (stream) stream.destroy(new Error(reason));
  else client.disconnect();
}

/**
 * Connects in the background and for ever: that Redis is down must not keep a node from starting, nor a blip bring it
 * down. Nothing is queued while it is away and nothing is sent twice behind our back.
 *
 * @param availability told when a connection is lost; that all is well again is for whoever uses it to say
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
      // ioredis would go on with database 0, where others may keep what is theirs.
      if (isAboutDatabase(error)) {
        refusal = error.message;
        drop(client, error.message);
      }
    });
    // A server that accepts the connection and then says nothing would be waited for without end: a paused one does
    // so, and so does a wire that has gone silent.
    const handshake = setTimeout(() => drop(client, 'no answer'), HANDSHAKE_TIMEOUT);
    client.on('ready', () => {
      clearTimeout(handshake);
      if (client.stream.destroyed) return;
      refusal = undefined;
      markTried();
      attempts = 0;
      readySince = performance.now();
    });
    // A client that is still looking for the primary says it twice.
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
          // Later commands would only wait behind this one. With a new connection they fail fast until it is ready.
          drop(client, 'no answer in time');
        }, deadline);
      });
      try {
        return await Promise.race([commands(client), silence]);
      } catch (error) {
        // A mistake of ours is not a Redis that is away.
        if (error instanceof TypeError || error instanceof RangeError) throw error;
        // Made a replica meanwhile: the primary is elsewhere, and a new connection may find it.
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
