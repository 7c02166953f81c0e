import type { Principal } from '../guard/guard';
import type { Client } from './client';
import type { Dependencies } from './dependencies';

/**
 * Counts a mutation of a signed-in user. Throws `RATE_LIMITED` beyond the limit. Counts by session, not by user: a thief
 * must not be able to block the user's other sessions from ending the stolen one.
 */
export const countWrite =
  ({ rateLimits }: Dependencies) =>
  ({ sessionId }: Principal, client: Client, kind: 'logout' | 'write'): Promise<void> =>
    rateLimits[kind](sessionId, client);
