import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Ends every session and token of a user, for an administrator. */
export const forceLogout =
  ({ revoker }: Dependencies) =>
  async (admin: Principal, userId: string, reason: string | undefined, client: Client): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'USER', userId, sessions: 'all' },
      { type: 'FORCED_LOGOUT', userId, actorId: admin.userId, reason, ...originOf(client) },
    );
    return receipt;
  };
