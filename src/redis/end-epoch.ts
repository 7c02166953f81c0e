import { connectRedis } from './client';
import { keysOf } from './keys';

/**
 * Ends a database's epoch from outside, while no node runs. Whoever follows it, as services with a guard do, relies on
 * nothing any more once its lease is over: the epoch that it finds then is empty, and of use to nobody before a node has
 * filled it.
 *
 * Throws `SERVICE_UNAVAILABLE` when Redis can't be reached.
 */
export async function endEpoch(redisUrl: string, databaseId: string): Promise<void> {
  const connection = connectRedis(redisUrl, { failed: () => undefined });
  try {
    await connection.tried;
    const { epoch, stream, healer } = keysOf(databaseId);
    await connection.run((client) => client.unlink(epoch, stream, healer));
  } finally {
    connection.close();
  }
}
