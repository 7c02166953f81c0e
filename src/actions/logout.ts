import { serviceUnavailable, unauthenticated } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { Caller } from './client';
import type { Dependencies } from './dependencies';
import { endSession, sessionOfRefreshToken } from './end-session';

/**
 * Ends the caller's session with all its tokens. A token that has expired, or is revoked, still names its session: a
 * revoked token's session may be alive, as after a change of the role. Without a token that can be believed (one of a
 * revoked key cannot) the refresh cookie names it. That there is nothing left to end is no error, so that no client is
 * ever stuck; only with neither token nor cookie of ours it throws `UNAUTHENTICATED`.
 */
export const logout =
  (deps: Dependencies) =>
  async ({ auth, client, refreshCookie }: Caller): Promise<Receipt> => {
    if (auth.ok) return endSession(deps, auth.principal, client);
    if (auth.code === 'SERVICE_UNAVAILABLE') throw serviceUnavailable();
    if (auth.token) {
      const { sub, sid } = auth.token.claims;
      return endSession(deps, { userId: sub, sessionId: sid }, client);
    }
    const named = refreshCookie === undefined ? undefined : await sessionOfRefreshToken(deps, refreshCookie);
    if (named) return endSession(deps, named, client);
    throw unauthenticated(auth.code);
  };
