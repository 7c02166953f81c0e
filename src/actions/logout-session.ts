import { isId } from '../core/claims';
import { isNotFound } from '../core/errors';
import type { Principal } from '../guard/guard';
import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Ends one of the caller's own sessions. Throws `NOT_FOUND` for any other, whether or not it exists. */
export const logoutSession =
  ({ revoker, recordRefusal }: Dependencies) =>
  async ({ userId }: Principal, sessionId: string, client: Client): Promise<Receipt> => {
    try {
      const { receipt } = await revoker.revoke(
        { scope: 'SESSION', name: { id: sessionId, ownerId: userId } },
        { type: 'SESSION_ENDED', userId, actorId: userId, sessionId, ...originOf(client) },
      );
      return receipt;
    } catch (error) {
      // Another user's session, or one purged long ago: the caller must not learn which.
      if (isNotFound(error)) {
        recordRefusal({
          type: 'SESSION_ACCESS_DENIED',
          userId,
          actorId: userId,
          // The caller may have sent any text.
          sessionId: isId(sessionId) ? sessionId : undefined,
          reason: 'the session does not belong to the user',
          ...originOf(client),
        });
      }
      throw error;
    }
  };
