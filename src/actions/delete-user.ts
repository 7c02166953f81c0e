import type { Receipt } from '../core/receipt';
import type { Alongside } from '../revocation/revoke';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';
import { keepAnAdministrator } from './keep-an-administrator';

/** Deletes the row of a user whose tokens are ended. The hook runs before, while the application's own rows are there. */
export const deletingUser = (
  { hooks }: Pick<Dependencies, 'hooks'>,
  client: ActorClient,
): Alongside<undefined> =>
  keepAnAdministrator(async (tables, user) => {
    await hooks.run('deleting', tables, { user, client: originOf(client) });
    await tables.users.delete(user.id);
  }, hooks.has('deleting'));

/**
 * Deletes a user, for an administrator. The audit log stays, and a revocation that refuses every token of the user
 * forever. Outstanding links end too.
 */
export const deleteUser =
  (deps: Pick<Dependencies, 'revoker' | 'hooks'>) =>
  async (admin: Actor, userId: string, reason: string | undefined, client: ActorClient): Promise<Receipt> => {
    const { receipt } = await deps.revoker.revoke(
      { scope: 'USER', userId, carryOver: 'none', forGood: true },
      { type: 'USER_DELETED', userId, actorId: admin.userId, reason, ...originOf(client) },
      deletingUser(deps, client),
    );
    return receipt;
  };
