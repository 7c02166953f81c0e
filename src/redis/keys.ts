import { createHash } from 'node:crypto';

/** The subject of a record: a user's id, or this for what concerns everyone. */
export const EVERYONE = 'everyone';

export interface Keys {
  readonly epoch: string;
  record(epochId: string, subject: string): string;
  ticket(epochId: string, subject: string): string;
  /** Written to see whether the server takes writes. */
  readonly probe: string;
  /** What the names of the rate limits' counters begin with. */
  readonly limits: string;
}

/**
 * Names the keys of one issuer, so that several may share a Redis. One hash tag is in all of them: they lie in one slot
 * of a Redis Cluster, and one script may touch several.
 *
 * Records and tickets bear the id of their epoch in their name. So those of an epoch that has ended are never met
 * again, and leave by their own expiry.
 */
export function keysOf(issuer: string): Keys {
  const tag = `{tokenfence:${createHash('sha256').update(issuer).digest('hex').slice(0, 12)}}`;
  return {
    epoch: `${tag}:epoch`,
    record: (epochId, subject) => `${tag}:record:${epochId}:${subject}`,
    ticket: (epochId, subject) => `${tag}:ticket:${epochId}:${subject}`,
    probe: `${tag}:probe`,
    limits: `${tag}:limit`,
  };
}
