import { serviceUnavailable, unauthenticated, type UnauthenticatedReason } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { Caller } from './client';
import type { Dependencies } from './dependencies';
import { hashOf, looksLikeRefreshToken } from './grant';

interface Target {
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenId?: string;
}

async function targetOfCookie(
  { truth }: Dependencies,
  cookie: string | undefined,
): Promise<Target | undefined> {
  return cookie !== undefined && looksLikeRefreshToken(cookie)
    ? truth.refreshTokens.findByHash(hashOf(cookie))
    : undefined;
}

/**
 * Ends the caller's session with all its tokens. A token that has merely expired still names its session, and one that
 * is revoked makes this a quiet success, so that no client is ever stuck. Without a token of ours, the refresh cookie
 * names the session; with neither, it throws `UNAUTHENTICATED`.
 */
export const logout =
  (deps: Dependencies) =>
  async (caller: Caller): Promise<Receipt> => {
    const { auth, client } = caller;
    const { revoke, settle } = deps.revoker;

    const end = ({ userId, sessionId, tokenId }: Target) =>
      revoke(
        { scope: 'SESSION', userId, sessionId, tokenId },
        { type: 'LOGOUT', userId, actorId: userId, sessionId, ipAddress: client.ipAddress },
      ).then(({ receipt }) => receipt);

    if (auth.ok) return end(auth.principal);
    if (auth.code === 'SERVICE_UNAVAILABLE') throw serviceUnavailable();
    if (auth.token) {
      const { sub: userId, sid: sessionId } = auth.token.claims;
      if (auth.code === 'TOKEN_REVOKED') return settle(userId, 'SESSION');
      // The user, or a session long over, may be gone since: then there is nothing left to end.
      const session = await deps.truth.sessions.find(sessionId);
      return session?.userId === userId ? end({ userId, sessionId }) : settle(userId, 'SESSION');
    }
    const target = await targetOfCookie(deps, caller.refreshCookie);
    if (target) return end(target);
    throw unauthenticated(auth.code satisfies UnauthenticatedReason);
  };
