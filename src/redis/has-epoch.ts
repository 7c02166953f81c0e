import type { RedisConnection } from './client';
import { keysOf } from './keys';

/** Whether this Redis has the epoch of a database. Another one than that of the nodes has none. */
export const hasEpoch = (connection: RedisConnection, databaseId: string): Promise<boolean> =>
  connection.run(async (client) => (await client.exists(keysOf(databaseId).epoch)) === 1);
