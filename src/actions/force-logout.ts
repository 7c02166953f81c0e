import { notFound } from '../core/errors';
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

/** Ends one session of any user, for an administrator. */
export const forceLogoutSession =
  ({ truth, revoker }: Dependencies) =>
  async (admin: Principal, id: string, reason: string | undefined, client: Client): Promise<Receipt> => {
    const session = await truth.sessions.find(id);
    if (!session) throw notFound('session');
    const ended = { userId: session.userId, sessionId: id };
    const { receipt } = await revoker.revoke(
      { scope: 'SESSION', ...ended },
      { type: 'FORCED_SESSION_LOGOUT', ...ended, actorId: admin.userId, reason, ...originOf(client) },
    );
    return receipt;
  };

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
