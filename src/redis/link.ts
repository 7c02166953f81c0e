import type { Availability } from '../core/availability';
import type { Clock } from '../core/clock';
import type { LogStream } from '../core/ports/log-stream';
import type { Records } from '../core/ports/records';
import { connectRedis, type RedisConnection, type RedisSource } from './client';
import { keysOf } from './keys';
import { createLogReader } from './log-reader';
import { createLogStream, type LogStreamSettings } from './log-stream';
import { createRecords } from './records';
import type { ViewSource } from '../core/ports/source';
import { createKnownEpoch, type KnownEpoch } from '../protocol/epoch';
import { startHeartbeat, type HeartbeatOptions } from '../protocol/heartbeat';

/** The options of the heartbeat that the link provides. */
type Linked = 'stream' | 'reader' | 'reopen' | 'epoch' | 'clock' | 'availability';

/** What a process, a node or a service, shares with the nodes on one database: its connections to Redis. */
export interface RedisLink {
  /** The connection for commands that are answered at once. */
  readonly forReads: RedisConnection;
  /** Resolves when the first attempt to connect has ended on each connection, successful or not. */
  readonly tried: Promise<unknown>;
  /** The error with which Redis refuses the database number in its address, if it does. */
  readonly refusal: string | undefined;
  readonly stream: LogStream;
  readonly epoch: KnownEpoch;
  readonly records: Records;
  /** Follows the stream from now on. Needs a link that was opened with `follows`. */
  startHeartbeat(options: Omit<HeartbeatOptions, Linked>): ViewSource;
  close(): void;
}

export interface RedisLinkOptions extends LogStreamSettings {
  readonly source: RedisSource;
  readonly databaseId: string;
  /** Whether to follow the stream, which needs another connection. */
  readonly follows: boolean;
  readonly availability: Availability;
  readonly clock: Clock;
}

/**
 * Opens one connection for reads, one for writes that may wait for replicas, and one for the stream: a blocking read
 * makes everything behind it wait.
 */
export function openRedisLink(options: RedisLinkOptions): RedisLink {
  const { source, databaseId, follows, availability, clock } = options;
  const connect = () => connectRedis(source, availability);
  const forReads = connect();
  const forWrites = connect();
  const forStream = follows ? connect() : undefined;
  const connections = [forReads, forWrites, ...(forStream ? [forStream] : [])];
  const keys = keysOf(databaseId);
  const stream = createLogStream(forWrites, keys, options);
  const epoch = createKnownEpoch(stream, clock);

  return {
    forReads,
    tried: Promise.all(connections.map(({ tried }) => tried)),
    get refusal() {
      return forReads.refusal;
    },
    stream,
    epoch,
    records: createRecords(forReads, keys),
    startHeartbeat(more) {
      if (!forStream) throw new Error('This link does not follow the stream.');
      const reopen = () => {
        forStream.renew();
        forReads.renew();
      };
      const reader = createLogReader(forStream, keys);
      return startHeartbeat({ ...more, stream, reader, reopen, epoch, clock, availability });
    },
    close() {
      for (const connection of connections) connection.close();
    },
  };
}
