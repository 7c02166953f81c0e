import type { LogReader, StreamEntry } from '../core/ports/log-stream';
import { readRevocation } from '../core/read-revocation';
import type { RedisConnection } from './client';
import type { Keys } from './keys';

/** ms that the server waits for something to come. */
const BLOCK = 1000;

/** ms that we wait for the server: a blocking read may hang for ever on a connection that was cut silently. */
const DEADLINE = 2000;

/** Entries in one answer. */
const MOST = 1000;

type RawEntry = [cursor: string, fields: string[]];

function toStreamEntry([cursor, fields]: RawEntry): StreamEntry {
  // In the order in which they were written.
  const [first, epochId = '', second, position = '', third, entry = '', ...more] = fields;
  const hasOurForm = first === 'epoch' && second === 'seq' && third === 'entry' && more.length === 0;
  const isOurs = hasOurForm && /^[1-9]\d{0,15}$/.test(position);
  const revocation = isOurs ? readRevocation(entry, Date.now()) : undefined;
  return { cursor, epochId, position: Number(position), revocation };
}

/** @param connection one of its own: what is sent behind a blocking read waits for it */
export function createLogReader(connection: RedisConnection, keys: Keys): LogReader {
  return {
    async readFrom(cursor) {
      const reply = await connection.run<[string, RawEntry[]][] | null>(
        (client) => client.xread('COUNT', MOST, 'BLOCK', BLOCK, 'STREAMS', keys.stream, cursor),
        DEADLINE,
      );
      return (reply?.[0]?.[1] ?? []).map(toStreamEntry);
    },
    reconnect: () => connection.renew(),
  };
}
