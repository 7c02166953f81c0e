import { isLive, type NewAuditEvent, type User } from '../core/account';
import { unauthenticated } from '../core/errors';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { continueSession, type Grant, grant } from './grant';

/**
 * Ends every other session and every token of the caller, and issues new tokens for this session. Its old refresh tokens
 * are deleted, so copies of them are useless.
 *
 * @param alongside runs in the same transaction, with the user as locked before the change
 */
export async function endOthersAndReissue(
  deps: Dependencies,
  { userId, sessionId }: Principal,
  client: Client,
  type: NewAuditEvent['type'],
  alongside: (tables: Tables, user: User) => Promise<void> = () => Promise.resolve(),
): Promise<{ grant: Grant; receipt: Receipt }> {
  const issuedAt = deps.clock.now();
  const { receipt, result } = await deps.revoker.revoke(
    { scope: 'USER', userId, sessions: { allBut: sessionId } },
    { type, userId, actorId: userId, sessionId, ...originOf(client) },
    {
      then: async (tables, user, tokenVersion) => {
        const session = await tables.sessions.lock(sessionId);
        const fleet = await tables.fleet.read();
        const isAlive = session && isLive(session, fleet.globalVersion, issuedAt);
        // The session has ended since the token was checked.
        if (!isAlive || !user || tokenVersion === undefined) throw unauthenticated('TOKEN_REVOKED');
        await alongside(tables, user);
        await tables.refreshTokens.deleteAllOf(sessionId);
        const raised = { ...user, tokenVersion };
        return continueSession(tables, deps.settings, { user: raised, session, client, issuedAt, fleet });
      },
    },
  );
  return { grant: await grant(deps, result), receipt };
}
