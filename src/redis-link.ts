import type { Availability } from './core/availability';
import type { Clock } from './core/clock';
import type { LogStream } from './core/ports/log-stream';
import type { Records } from './core/ports/records';
import { connectRedis, type RedisConnection, type RedisSource } from './redis/client';
import { keysOf } from './redis/keys';
import { createLogReader } from './redis/log-reader';
import { createLogStream, type LogStreamSettings } from './redis/log-stream';
import { createRecords } from './redis/records';
import type { Feed } from './core/ports/source';
import { createKnownEpoch, type KnownEpoch } from './protocol/epoch';
import { createMembership, type MembershipOptions } from './protocol/heartbeat';

/** What the link itself knows of a membership. */
type Linked = 'stream' | 'reader' | 'reopen' | 'epoch' | 'clock' | 'availability';

/** What the nodes on one database have in Redis together. */
export interface FleetLink {
  readonly stream: LogStream;
  readonly epoch: KnownEpoch;
  readonly records: Records;
  /** Becomes one of those who follow the stream. Only over a link that does. */
  join(options: Omit<MembershipOptions, Linked>): Feed;
}

/** How a process is connected to Redis, be it a node or a service that has a guard. */
export interface RedisLink {
  /** For whatever is answered at once. */
  readonly forReads: RedisConnection;
  /** Resolves when the first attempt to connect has ended on each connection, well or not. */
  readonly tried: Promise<unknown>;
  /** Why Redis refuses the number of the database in its address, if it does. */
  readonly refusal: string | undefined;
  to(databaseId: string, settings?: LogStreamSettings): FleetLink;
  close(): void;
}

export interface RedisLinkOptions {
  readonly source: RedisSource;
  /** Whether the stream is followed, which takes a connection more. */
  readonly follows: boolean;
  readonly availability: Availability;
  readonly clock: Clock;
}

/**
 * Reads go over one connection; over another what may have to wait for replicas; and the stream over a third, as a read
 * that blocks keeps everything else waiting.
 */
export function openRedisLink({ source, follows, availability, clock }: RedisLinkOptions): RedisLink {
  const connect = () => connectRedis(source, availability);
  const forReads = connect();
  const forWrites = connect();
  const forStream = follows ? connect() : undefined;
  const connections = [forReads, forWrites, ...(forStream ? [forStream] : [])];

  return {
    forReads,
    tried: Promise.all(connections.map(({ tried }) => tried)),

    get refusal() {
      return forReads.refusal;
    },

    to(databaseId, settings) {
      const keys = keysOf(databaseId);
      const stream = createLogStream(forWrites, keys, settings);
      const epoch = createKnownEpoch(stream, clock);
      return {
        stream,
        epoch,
        records: createRecords(forReads, keys),
        join(options) {
          if (!forStream) throw new Error('This link follows no stream.');
          const reopen = () => {
            forStream.renew();
            forReads.renew();
          };
          const reader = createLogReader(forStream, keys);
          return createMembership({ ...options, stream, reader, reopen, epoch, clock, availability });
        },
      };
    },

    close() {
      for (const connection of connections) connection.close();
    },
  };
}
