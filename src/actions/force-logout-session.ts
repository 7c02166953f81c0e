import { notFound } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Ends one session of any user, for an administrator. */
export const forceLogoutSession =
  ({ truth, revoker }: Dependencies) =>
  async (
    admin: Principal,
    sessionId: string,
    reason: string | undefined,
    client: Client,
  ): Promise<Receipt> => {
    const session = await truth.sessions.find(sessionId);
    if (!session) throw notFound('session');
    const { userId } = session;
    const { receipt } = await revoker.revoke(
      { scope: 'SESSION', userId, sessionId },
      {
        type: 'FORCED_SESSION_LOGOUT',
        userId,
        actorId: admin.userId,
        sessionId,
        reason,
        ...originOf(client),
      },
    );
    return receipt;
  };
