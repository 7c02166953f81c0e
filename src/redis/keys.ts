/** Shared by all our keys, so that they lie in one slot of a Redis Cluster and one script may touch several. */
const TAG = '{tokenfence}';

/** The subject of a record: a user's id, or this for what concerns everyone. */
export const EVERYONE = 'everyone';

/**
 * Records and tickets bear the id of their epoch in their name. So those of an epoch that has ended are never met
 * again, and leave by their own expiry.
 */
export const keys = {
  epoch: `${TAG}:epoch`,
  record: (epochId: string, subject: string) => `${TAG}:record:${epochId}:${subject}`,
  ticket: (epochId: string, subject: string) => `${TAG}:ticket:${epochId}:${subject}`,
};
