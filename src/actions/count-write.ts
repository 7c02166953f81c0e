import type { Principal } from '../guard/guard';
import type { Client } from './client';
import type { Dependencies } from './dependencies';

/**
 * Counts a change by a user who has signed in; throws `RATE_LIMITED` for one too many. By session, not by user: somebody
 * with a stolen token must not be able to keep the user from ending it in another session.
 */
export const countWrite =
  ({ limits }: Dependencies) =>
  ({ sessionId }: Principal, client: Client, kind: 'logout' | 'write'): Promise<void> =>
    limits[kind](sessionId, client);
