/** The subject of the record for everyone. The subject of any other record is a user's id. */
export const EVERYONE = 'everyone';

export interface Keys {
  /** A hash: the epoch's id, the server's run_id, the number of published revocations, and the nodes. */
  readonly epoch: string;
  /** The stream: the revocation log that all nodes follow. */
  readonly stream: string;
  /** The node that is filling the stream. */
  readonly healer: string;
  record(epochId: string, subject: string): string;
  ticket(epochId: string, subject: string): string;
  /** The prefix of the rate limits' counters. */
  readonly rateLimits: string;
}

/**
 * Names the keys of one database. All contain its id, so data of another database, or of this one before a restored
 * backup, is never read. The id is a hash tag: all keys are in one slot of a Redis Cluster, so one script can use
 * several.
 *
 * Records and tickets also contain the id of their epoch. Those of an ended epoch are never read again, and expire.
 */
export function keysOf(databaseId: string): Keys {
  const tag = `{tokenfence:${databaseId}}`;
  return {
    epoch: `${tag}:epoch`,
    stream: `${tag}:stream`,
    healer: `${tag}:healer`,
    record: (epochId, subject) => `${tag}:record:${epochId}:${subject}`,
    ticket: (epochId, subject) => `${tag}:ticket:${epochId}:${subject}`,
    rateLimits: `${tag}:limit`,
  };
}
