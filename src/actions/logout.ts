import { serviceUnavailable, TokenfenceError, unauthenticated } from '../core/errors';
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
 * Ends the caller's session with all its tokens. A token that has expired, or is revoked, still names its session: a
 * revoked token's session may be alive, as after a change of the role. Without a token that can be believed (one of a
 * revoked key cannot) the refresh cookie names it. That there is nothing left to end is no error, so that no client is
 * ever stuck; only with neither token nor cookie of ours it throws `UNAUTHENTICATED`.
 */
export const logout =
  (deps: Dependencies) =>
  async (caller: Caller): Promise<Receipt> => {
    const { auth, client } = caller;
    const { revoke, settle } = deps.revoker;

    const end = async ({ userId, sessionId, tokenId }: Target): Promise<Receipt> => {
      try {
        const { receipt } = await revoke(
          { scope: 'SESSION', userId, sessionId, tokenId },
          { type: 'LOGOUT', userId, actorId: userId, sessionId, ipAddress: client.ipAddress },
        );
        return receipt;
      } catch (error) {
        // The account is deleted, or the session so long over that it is forgotten.
        if (error instanceof TokenfenceError && error.code === 'NOT_FOUND') return settle('SESSION', userId);
        throw error;
      }
    };

    if (auth.ok) return end(auth.principal);
    if (auth.code === 'SERVICE_UNAVAILABLE') throw serviceUnavailable();
    if (auth.token) {
      const { sub, sid } = auth.token.claims;
      return end({ userId: sub, sessionId: sid });
    }
    const target = await targetOfCookie(deps, caller.refreshCookie);
    if (target) return end(target);
    throw unauthenticated(auth.code);
  };
