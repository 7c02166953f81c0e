import type { LogReader, StreamEntry } from '../core/ports/log-stream';
import { readRevocation } from '../core/read-revocation';
import type { RedisConnection } from './client';
import type { Keys } from './keys';

/** ms for which Redis waits for new entries. */
const BLOCK = 1000;

/** ms for which we wait for Redis. On a connection that was cut silently, a blocking read never returns. */
const DEADLINE = 2000;

/** The most entries in one answer. */
const MOST = 1000;

type RawEntry = [cursor: string, fields: string[]];

function toStreamEntry([cursor, fields]: RawEntry): StreamEntry {
  // In the order in which `append` writes them.
  const [first, epochId = '', second, position = '', third, entry = '', ...more] = fields;
  const hasOurForm = first === 'epoch' && second === 'seq' && third === 'entry' && more.length === 0;
  const isOurs = hasOurForm && /^[1-9]\d{0,15}$/.test(position);
  const revocation = isOurs ? readRevocation(entry, Date.now()) : undefined;
  return { cursor, epochId, position: Number(position), revocation };
}

/** @param connection a separate one, because commands behind a blocking read wait for it */
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
