import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import { checkOwnPassword, ownAccount } from './own-password';
import type { Dependencies } from './dependencies';
import { deletingUser } from './delete-user';

/** Deletes the caller's account. The audit log stays, and a revocation that refuses every token of the user forever. */
export const deleteAccount =
  (deps: Dependencies) =>
  async (principal: Principal, password: string, client: Client): Promise<Receipt> => {
    const user = await ownAccount(deps, principal);
    await checkOwnPassword(deps, { user, sessionId: principal.sessionId }, password, client);
    const { id: userId } = user;
    const { receipt } = await deps.revoker.revoke(
      { scope: 'USER', userId, carryOver: 'none', forGood: true },
      { type: 'ACCOUNT_DELETED', userId, actorId: userId, ...originOf(client) },
      deletingUser(deps, client),
    );
    return receipt;
  };
