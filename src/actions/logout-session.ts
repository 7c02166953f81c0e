import type { Principal } from '../guard/guard';
import type { Receipt } from '../core/receipt';
import type { Client } from './client';
import type { Dependencies } from './dependencies';

/** Ends one of the caller's own sessions. Throws `NOT_FOUND` for any other, whether or not it exists. */
export const logoutSession =
  ({ revoker }: Dependencies) =>
  async ({ userId }: Principal, sessionId: string, client: Client): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'SESSION', userId, sessionId },
      { type: 'SESSION_ENDED', userId, actorId: userId, sessionId, ipAddress: client.ipAddress },
    );
    return receipt;
  };
