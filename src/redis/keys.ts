/** The subject of the record for everyone. The subject of any other record is a user's id. */
export const EVERYONE = 'everyone';

/**
 * Names the keys of one database. All contain its id, so data of another database, or of this one before a restored
 * backup, is never read. The id is a hash tag: all keys are in one slot of a Redis Cluster, so one script can use
 * several.
 *
 * Records and tickets also contain the id of their epoch. Those of an ended epoch are never read again, and expire.
 */
export function keysOf(databaseId: string) {
  const tag = `{tokenfence:${databaseId}}`;
  return {
    /** A hash: the epoch's id, the server's run_id, the number of published revocations, and the nodes. */
    epoch: `${tag}:epoch`,
    /** The stream: the revocation log that all nodes follow. */
    stream: `${tag}:stream`,
    /** The node that is filling the stream. */
    healer: `${tag}:healer`,
    /** The record of a subject, and its ticket. */
    recordAndTicket: (epochId: string, subject: string) => [
      `${tag}:record:${epochId}:${subject}`,
      `${tag}:ticket:${epochId}:${subject}`,
    ],
    /** The prefix of the rate limits' counters. */
    rateLimits: `${tag}:limit`,
  };
}

export type Keys = ReturnType<typeof keysOf>;
