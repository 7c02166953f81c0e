import type { Redis } from 'ioredis';
import { serviceUnavailable } from '../core/errors';
import type { Availability } from '../core/availability';
import { type Clock, systemClock } from '../core/clock';
import { watchRests } from '../core/rest';
import { afterSilence } from '../core/silence';
import { DatabaseRefused, drop } from './open';
import { lives } from './proof';
import { createRoute, type Route } from './route';
import type { RedisSource } from './source';

export type { RedisSource };

/** ms after which a command is given up and its connection closed. */
const COMMAND_TIMEOUT = 1000;

/** ms within which a new connection must be ready, and that to the primary of a set, which has to be found first. */
const HANDSHAKE_TIMEOUT = 2000;
const SEARCH_TIMEOUT = 3000;

/** ms for which a connection must have been in use before it may be renewed. */
const SHORTEST_USE = 1000;

/** ms without a command after which a connection must prove that it lives: the network may have forgotten it. */
const LONGEST_REST = 1000;

/** ms for which a command waits for the connection that replaces a forgotten one. */
const REPLACEMENT_TIMEOUT = 600;

/** ms between two attempts to connect: the first, and the longest. */
const FIRST_DELAY = 50;
const LONGEST_DELAY = 2000;

/** Fewer replicas than wanted have a write. */
export class TooFewReplicas extends Error {}

/** What a server answers that is not the primary, or not that of our slot of a cluster. */
const ELSEWHERE = /READONLY|^MOVED |WAIT cannot be used with replica/;

/** What a server answers that may not be the primary any more, without knowing it. */
const DOUBTFUL = /NOREPLICAS|MASTERDOWN|^CLUSTERDOWN/;

export interface ConnectionOptions {
  /** Called after a rest. What else the process has open has rested too. */
  readonly onRest?: () => void;
  readonly clock?: Clock;
}

/**
 * A connection to Redis that is made in the background, and made again forever: a node must start, and survive, without
 * Redis. Meanwhile calls fail fast. Nothing is queued, and no command is sent twice.
 */
export class RedisConnection {
  /** Resolves when the first attempt to connect has ended, successful or not. */
  readonly tried: Promise<void>;
  private markTried: () => void = () => undefined;
  /** Ready, or broken. */
  private current: Redis | undefined;
  /** Ends the attempt to connect that is under way. */
  private attempt: AbortController | undefined;
  private givenUp: Redis | undefined;
  private refused: string | undefined;
  private attempts = 0;
  private readySince = 0;
  private closed = false;
  private retry: NodeJS.Timeout | undefined;
  private readonly rests;
  private proving: Promise<Redis> | undefined;
  /** Called when an attempt to connect has ended. */
  private waiting: (() => void)[] = [];

  /** @param availability told when a connection is lost; the caller reports success */
  constructor(
    private readonly route: Route,
    private readonly availability: Pick<Availability, 'failed'>,
    private readonly options: ConnectionOptions = {},
  ) {
    this.rests = watchRests(LONGEST_REST, options.clock ?? systemClock);
    this.tried = new Promise((resolve) => (this.markTried = resolve));
    void this.connect();
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
    const client = await this.proven();
    this.rests.used();
    let stop = () => {};
    const silence = new Promise<never>((_, reject) => {
      stop = afterSilence(deadline, () => {
        reject(new Error('Redis did not answer in time'));
        // Later commands would wait behind this one. Without a connection they fail fast.
        drop(client, 'no answer in time');
      });
    });
    try {
      const answer = await Promise.race([commands(client), silence]);
      this.rests.used();
      return answer;
    } catch (error) {
      // A programming error is not an unreachable Redis.
      if (error instanceof TypeError || error instanceof RangeError) throw error;
      this.judge(client, error);
      throw serviceUnavailable(error);
    } finally {
      stop();
    }
  }

  /** Replaces the connection if it has rested and does not live any more. */
  async look(): Promise<void> {
    try {
      await this.proven();
    } catch {
      // The next command fails with the reason.
    }
  }

  /** Replaces the connection, which may lead to a former primary. Has an effect at most once a second. */
  renew(): void {
    const client = this.current;
    if (client?.status !== 'ready' || performance.now() - this.readySince < SHORTEST_USE) return;
    this.givenUp = client;
    drop(client, 'renewed');
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    this.attempt?.abort();
    if (this.current && this.current.status !== 'end') this.current.disconnect();
  }

  private ready(): Redis {
    const { current } = this;
    if (current?.status !== 'ready' || current.stream.destroyed)
      throw serviceUnavailable(new Error('Redis is not connected'));
    return current;
  }

  /** Returns the connection. After a rest it has proven that it lives, or it is a new one: no command is sent twice. */
  private proven(): Redis | Promise<Redis> {
    if (this.proving) return this.proving;
    const client = this.ready();
    if (!this.rests.hasRested) return client;
    this.proving = this.prove(client).finally(() => (this.proving = undefined));
    this.options.onRest?.();
    return this.proving;
  }

  private async prove(client: Redis): Promise<Redis> {
    if (await lives(client)) {
      this.rests.used();
      return this.ready();
    }
    this.givenUp = client;
    drop(client, 'forgotten');
    await new Promise<void>((resolve) => {
      const stop = afterSilence(REPLACEMENT_TIMEOUT, resolve);
      this.waiting.push(() => {
        stop();
        resolve();
      });
    });
    return this.ready();
  }

  /** Leaves a server that is not the primary any more, where another one may be. */
  private judge(client: Redis, error: unknown): void {
    const { message = '' } = error instanceof Error ? error : {};
    if (ELSEWHERE.test(message)) drop(client, 'not the primary');
    else if (this.route.hasChoice && client === this.current)
      if (error instanceof TooFewReplicas || DOUBTFUL.test(message)) this.renew();
  }

  private async connect(): Promise<void> {
    const attempt = (this.attempt = new AbortController());
    // A paused server or a silently cut wire accepts the connection and never answers.
    const patience = this.route.hasChoice ? SEARCH_TIMEOUT : HANDSHAKE_TIMEOUT;
    const handshake = setTimeout(() => attempt.abort(), patience);
    try {
      this.use(await this.route.connect(attempt.signal));
    } catch (error) {
      this.lost(error);
    } finally {
      clearTimeout(handshake);
      this.attempt = undefined;
      this.markTried();
      for (const goOn of this.waiting.splice(0)) goOn();
    }
  }

  private use(client: Redis): void {
    if (this.closed) {
      client.disconnect();
      return;
    }
    this.current = client;
    this.refused = undefined;
    this.attempts = 0;
    this.readySince = performance.now();
    this.rests.used();
    let reason = new Error('the connection was closed');
    client.on('error', (error: Error) => (reason = error));
    let isOver = false;
    const end = () => {
      if (!isOver) this.lost(reason, client);
      isOver = true;
    };
    client.once('end', end);
    // It may have ended before anyone listened.
    if (client.status === 'end') end();
  }

  private lost(reason: unknown, client?: Redis): void {
    if (this.closed) return;
    const { message } = reason instanceof Error ? reason : new Error(String(reason));
    if (reason instanceof DatabaseRefused) this.refused = message;
    const isGivenUp = client !== undefined && client === this.givenUp;
    if (!isGivenUp) this.availability.failed(message);
    const delay = isGivenUp ? 0 : Math.min(FIRST_DELAY * 2 ** this.attempts++, LONGEST_DELAY);
    this.retry = setTimeout(() => void this.connect(), delay);
  }
}

/** @param key one of those that are used there; needed to find its node in a cluster */
export const connectRedis = (
  source: RedisSource,
  availability: Pick<Availability, 'failed'>,
  key = '',
): RedisConnection => new RedisConnection(createRoute(source, key), availability);
