import type { Principal } from '../guard/guard';
import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Ends every session and token of the caller, including this session. */
export const logoutEverywhere =
  ({ revoker }: Dependencies) =>
  async ({ userId, sessionId }: Principal, client: Client): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'USER', userId, carryOver: 'none' },
      { type: 'LOGOUT_EVERYWHERE', userId, actorId: userId, sessionId, ...originOf(client) },
    );
    return receipt;
  };
