import type { RedisConnection } from './client';

/** ms; renewed long before by every node that runs. */
const POINTER_TTL = 7 * 24 * 3_600_000;

/**
 * By the id of a signing key, which no two databases share, the id of the database whose revocations concern its tokens. So
 * whoever knows the keys finds the stream, and never another's.
 */
const pointerOf = (keyId: string) => `tokenfence:key:${keyId}`;

/** Says it for these keys. */
export async function pointToDatabase(
  connection: RedisConnection,
  keyIds: readonly string[],
  databaseId: string,
): Promise<void> {
  await connection.run((client) =>
    Promise.all(keyIds.map((keyId) => client.set(pointerOf(keyId), databaseId, 'PX', POINTER_TTL))),
  );
}

/** The database that one of these keys belongs to, if any node has said so. */
export async function findDatabase(
  connection: RedisConnection,
  keyIds: readonly string[],
): Promise<string | undefined> {
  for (const keyId of keyIds) {
    const found = await connection.run((client) => client.get(pointerOf(keyId)));
    if (found !== null) return found;
  }
  return undefined;
}
