import type { Receipt } from '../core/receipt';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Ends every session and token of a user, for an administrator. */
export const forceLogout =
  ({ revoker }: Pick<Dependencies, 'revoker'>) =>
  async (admin: Actor, userId: string, reason: string | undefined, client: ActorClient): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'USER', userId, carryOver: 'none' },
      { type: 'FORCED_LOGOUT', userId, actorId: admin.userId, reason, ...originOf(client) },
    );
    return receipt;
  };

/** Ends one session of any user, for an administrator. */
export const forceLogoutSession =
  ({ revoker }: Pick<Dependencies, 'revoker'>) =>
  async (admin: Actor, id: string, reason: string | undefined, client: ActorClient): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'SESSION', name: { id } },
      { type: 'FORCED_SESSION_LOGOUT', actorId: admin.userId, reason, ...originOf(client) },
    );
    return receipt;
  };

/** Ends every session and token of all users, including the administrator's own. */
export const forceLogoutAll =
  ({ revoker }: Pick<Dependencies, 'revoker'>) =>
  async (admin: Actor, reason: string, client: ActorClient): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'EVERYONE' },
      { type: 'FORCED_LOGOUT_OF_EVERYONE', actorId: admin.userId, reason, ...originOf(client) },
    );
    return receipt;
  };
