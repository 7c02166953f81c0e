import { serviceUnavailable, unauthenticated } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { AuthResult } from '../guard/guard';
import type { Caller } from './client';
import type { Dependencies } from './dependencies';
import { endSession, type NamedSession, ofAccessToken, ofRefreshToken } from './end-session';

/** Returns the session of the access token, even of an expired or revoked one: after a change of role it is alive. */
function sessionOfAccessToken(auth: AuthResult): NamedSession | undefined {
  if (auth.ok) return ofAccessToken(auth.principal.userId, auth.principal.sessionId, auth.principal.tokenId);
  if (auth.code === 'SERVICE_UNAVAILABLE') throw serviceUnavailable();
  return auth.token && ofAccessToken(auth.token.claims.sub, auth.token.claims.sid);
}

/** Combines the receipts of two sessions: confirmed if both are. */
const together = (one: Receipt, other: Receipt): Receipt => ({
  scope: one.scope,
  endedSessions: one.endedSessions + other.endedSessions,
  revokedAt: one.revokedAt > other.revokedAt ? one.revokedAt : other.revokedAt,
  confirmation: one.confirmation.confirmed ? other.confirmation : one.confirmation,
});

/**
 * Ends the session of the access token, and that of the refresh cookie if it differs, since the client loses the cookie.
 * Succeeds if the session has already ended, so that no client gets stuck. Throws `UNAUTHENTICATED` only without a valid
 * token and a known cookie.
 */
export const logout =
  (deps: Dependencies) =>
  async ({ auth, client, refreshCookie }: Caller): Promise<Receipt> => {
    const ofToken = sessionOfAccessToken(auth);
    const ofCookie = refreshCookie === undefined ? undefined : await ofRefreshToken(deps, refreshCookie);
    const named = [ofToken, ofCookie?.sessionId === ofToken?.sessionId ? undefined : ofCookie];
    const receipts: Receipt[] = [];
    for (const each of named.filter((session) => session !== undefined)) {
      await deps.rateLimits.logout(each.sessionId, client);
      const receipt = await endSession(deps, each, client);
      if (receipt) receipts.push(receipt);
    }
    if (receipts.length > 0) return receipts.reduce(together);
    if (refreshCookie !== undefined) await deps.rateLimits.badToken(client);
    throw unauthenticated(auth.ok || auth.code === 'SERVICE_UNAVAILABLE' ? 'TOKEN_MISSING' : auth.code);
  };
