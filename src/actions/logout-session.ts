import { isId } from '../core/claims';
import { TokenfenceError } from '../core/errors';
import type { Principal } from '../guard/guard';
import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Returns the id if it is one: the caller may have sent any text. */
const idOf = (text: string) => (isId(text) ? text : undefined);

/** Ends one of the caller's own sessions. Throws `NOT_FOUND` for any other, whether or not it exists. */
export const logoutSession =
  ({ revoker, recordRefusal }: Dependencies) =>
  async ({ userId }: Principal, sessionId: string, client: Client): Promise<Receipt> => {
    try {
      const { receipt } = await revoker.revoke(
        { scope: 'SESSION', userId, sessionId },
        { type: 'SESSION_ENDED', userId, actorId: userId, sessionId, ...originOf(client) },
      );
      return receipt;
    } catch (error) {
      // Another user's session, or one purged long ago: the caller must not learn which.
      if (error instanceof TokenfenceError && error.code === 'NOT_FOUND') {
        const reason = 'the session does not belong to the user';
        const type = 'SESSION_ACCESS_DENIED';
        recordRefusal({
          type,
          userId,
          actorId: userId,
          sessionId: idOf(sessionId),
          reason,
          ...originOf(client),
        });
      }
      throw error;
    }
  };
