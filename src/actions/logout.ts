import { serviceUnavailable, unauthenticated } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { AuthResult } from '../guard/guard';
import type { Caller } from './client';
import type { Dependencies } from './dependencies';
import { endSession, type NamedSession, sessionOfRefreshToken } from './end-session';

/** Returns the session of the access token, even of an expired or revoked one: after a change of role it is alive. */
function sessionOfAccessToken(auth: AuthResult): NamedSession | undefined {
  if (auth.ok) return auth.principal;
  if (auth.code === 'SERVICE_UNAVAILABLE') throw serviceUnavailable();
  return auth.token && { userId: auth.token.claims.sub, sessionId: auth.token.claims.sid };
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
    const ofCookie =
      refreshCookie === undefined ? undefined : await sessionOfRefreshToken(deps, refreshCookie);
    const first = ofToken ?? ofCookie;
    if (!first) {
      if (refreshCookie !== undefined) await deps.rateLimits.badToken(client);
      throw unauthenticated(auth.ok || auth.code === 'SERVICE_UNAVAILABLE' ? 'TOKEN_MISSING' : auth.code);
    }
    const second = ofCookie?.sessionId === first.sessionId ? undefined : ofCookie;
    await deps.rateLimits.logout(first.sessionId, client);
    if (second) await deps.rateLimits.logout(second.sessionId, client);
    const receipt = await endSession(deps, first, client);
    return second ? together(receipt, await endSession(deps, second, client)) : receipt;
  };
