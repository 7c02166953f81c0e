import { isLive, type NewAuditEvent, type User } from '../core/account';
import { unauthenticated } from '../core/errors';
import type { Tables } from '../core/ports/truth';
import type { Receipt } from '../core/receipt';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { continueSession, type Grant, grant } from './grant';

/**
 * Ends all sessions and tokens of the caller but this one session, which goes on with a new pair of tokens. The refresh
 * tokens that it had are worth nothing any more, whoever holds a copy.
 *
 * @param alongside runs in the same transaction, under the lock on the user as they were before
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
        // Ended since the caller's token was judged: then there is no session to go on with.
        if (
          !user ||
          tokenVersion === undefined ||
          !session ||
          !isLive(session, fleet.globalVersion, issuedAt)
        ) {
          throw unauthenticated('TOKEN_REVOKED');
        }
        await alongside(tables, user);
        await tables.refreshTokens.deleteAllOf(sessionId);
        return continueSession(tables, deps.settings, {
          user: { ...user, tokenVersion },
          session,
          client,
          issuedAt,
          fleet,
        });
      },
    },
  );
  return { grant: await grant(deps, result), receipt };
}
