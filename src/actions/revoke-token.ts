import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { endSession, type NamedSession, ofAccessToken, ofRefreshToken } from './end-session';

async function sessionOfAccessToken(
  { verify, checkThoroughly }: Dependencies,
  text: string,
): Promise<NamedSession | undefined> {
  const verification = await verify(text);
  if (!verification.ok && verification.code !== 'TOKEN_EXPIRED') return undefined;
  const { token } = verification;
  const verdict = verification.ok ? await checkThoroughly(token, text) : 'EXPIRED';
  // The holder of a revoked key can forge a token for any session, and must not end it.
  if (verdict === 'DISTRUSTED') return undefined;
  const { sub, sid, jti } = token.claims;
  return ofAccessToken(sub, sid, verdict === 'GOOD' ? jti : undefined);
}

/**
 * Ends the session of an access or refresh token (RFC 7009), as a logout does. A used refresh token is accepted too, and
 * not treated as theft. Returns undefined for a token of no known session.
 */
export const revokeToken =
  (deps: Dependencies) =>
  async (token: string, client: Client): Promise<Receipt | undefined> => {
    await deps.rateLimits.tokenLookup(client);
    const named = deps.refreshTokens.hasForm(token)
      ? await ofRefreshToken(deps, token)
      : await sessionOfAccessToken(deps, token);
    if (named) await deps.rateLimits.logout(named.sessionId, client);
    const receipt = named && (await endSession(deps, named, client));
    if (!receipt) {
      await deps.rateLimits.badToken(client);
      const reason = 'an unknown token was sent to be revoked';
      deps.recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', reason, ...originOf(client) });
      return undefined;
    }
    return receipt;
  };
