import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Ends every session and token of all users, including the administrator's own. */
export const forceLogoutAll =
  ({ revoker }: Dependencies) =>
  async (admin: Principal, reason: string, client: Client): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'EVERYONE' },
      { type: 'FORCED_LOGOUT_OF_EVERYONE', actorId: admin.userId, reason, ...originOf(client) },
    );
    return receipt;
  };
