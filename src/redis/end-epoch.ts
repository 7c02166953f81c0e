import { connectRedis } from './client';
import { keysOf } from './keys';

/**
 * Ends a database's epoch while no node runs. Services with a guard stop trusting their view after one lease: the new
 * epoch is empty, and counts only once a node has filled it.
 *
 * Throws `SERVICE_UNAVAILABLE` when Redis cannot be reached.
 */
export async function endEpoch(redisUrl: string, databaseId: string): Promise<void> {
  const { epoch, stream, healer } = keysOf(databaseId);
  const connection = connectRedis(redisUrl, { failed: () => undefined }, epoch);
  try {
    await connection.tried;
    await connection.run((client) => client.unlink(epoch, stream, healer));
  } finally {
    connection.close();
  }
}
