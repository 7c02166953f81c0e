import type { Receipt } from '../core/receipt';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';
import { keepAnAdministrator } from './keep-an-administrator';

/**
 * Deletes a user, for an administrator. The audit log stays, and a revocation that refuses every token of the user
 * forever. Outstanding links end too.
 */
export const deleteUser =
  ({ revoker }: Pick<Dependencies, 'revoker'>) =>
  async (admin: Actor, userId: string, reason: string | undefined, client: ActorClient): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'USER', userId, carryOver: 'none', forGood: true },
      { type: 'USER_DELETED', userId, actorId: admin.userId, reason, ...originOf(client) },
      keepAnAdministrator((tables) => tables.users.delete(userId)),
    );
    return receipt;
  };
