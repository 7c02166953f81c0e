import type { Availability } from '../core/availability';
import type { Clock } from '../core/clock';
import { RedisConnection, type RedisSource } from './client';
import { keysOf } from './keys';
import { createLogReader } from './log-reader';
import { createLogStream, type LogStreamSettings } from './log-stream';
import { createRecords } from './records';
import { createRoute } from './route';
import type { ViewSource } from '../core/ports/source';
import { createKnownEpoch } from '../protocol/epoch';
import { startHeartbeat, type HeartbeatOptions } from '../protocol/heartbeat';

/** The options of the heartbeat that the link provides. */
type Linked = 'stream' | 'reader' | 'reopen' | 'epoch' | 'clock' | 'availability';

export interface RedisLinkOptions extends LogStreamSettings {
  readonly source: RedisSource;
  readonly databaseId: string;
  /** Whether to follow the stream, which needs another connection. */
  readonly follows: boolean;
  readonly availability: Availability;
  readonly clock: Clock;
}

/**
 * Opens what a process, a node or a service, shares in Redis with the nodes on one database. It has one connection for
 * reads, one for writes that may wait for replicas, and one for the stream: a blocking read makes everything behind it
 * wait.
 */
export function openRedisLink(options: RedisLinkOptions) {
  const { source, databaseId, follows, availability, clock } = options;
  const keys = keysOf(databaseId);
  // What one connection learns of a set, the others use too.
  const route = createRoute(source, keys.epoch);
  // Both at a time: a check may need one after the other.
  const onRest = () => void Promise.all([forReads.look(), forWrites.look()]);
  const connect = () => new RedisConnection(route, availability, { onRest });
  const forReads = connect();
  const forWrites = connect();
  const forStream = follows ? connect() : undefined;
  const connections = [forReads, forWrites, ...(forStream ? [forStream] : [])];
  const stream = createLogStream(forWrites, keys, options);
  const epoch = createKnownEpoch(stream, clock);

  return {
    /** The connection for commands that are answered at once. */
    forReads,
    /** Resolves when the first attempt to connect has ended on each connection, successful or not. */
    tried: Promise.all(connections.map(({ tried }) => tried)),
    stream,
    epoch,
    records: createRecords(forReads, keys),
    /** Follows the stream from now on. Needs a link that was opened with `follows`. */
    startHeartbeat(more: Omit<HeartbeatOptions, Linked>): ViewSource {
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
