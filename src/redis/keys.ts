/** The subject of a record: a user's id, or this for what concerns everyone. */
export const EVERYONE = 'everyone';

export interface Keys {
  /** A hash: the epoch's id, the server's run_id, how many were published, and the nodes. */
  readonly epoch: string;
  /** The revocation log, as all nodes follow it. */
  readonly stream: string;
  /** Who is filling the stream. */
  readonly healer: string;
  record(epochId: string, subject: string): string;
  ticket(epochId: string, subject: string): string;
  /** What the names of the rate limits' counters begin with. */
  readonly limits: string;
}

/**
 * Names the keys that hold copies of one database. The database's id is in all of them: what belongs to another one, or
 * to this one before it was restored from a backup, is never met. As it is a hash tag, all keys lie in one slot of a
 * Redis Cluster, and one script may touch several.
 *
 * Records and tickets bear the id of their epoch as well. So those of an epoch that has ended are never met again
 * either, and leave by their own expiry.
 */
export function keysOf(databaseId: string): Keys {
  const tag = `{tokenfence:${databaseId}}`;
  return {
    epoch: `${tag}:epoch`,
    stream: `${tag}:stream`,
    healer: `${tag}:healer`,
    record: (epochId, subject) => `${tag}:record:${epochId}:${subject}`,
    ticket: (epochId, subject) => `${tag}:ticket:${epochId}:${subject}`,
    limits: `${tag}:limit`,
  };
}
