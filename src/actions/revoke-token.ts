import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { endSession, type NamedSession, sessionOfRefreshToken } from './end-session';

async function sessionOfAccessToken(
  { verify, checkThoroughly }: Dependencies,
  text: string,
): Promise<NamedSession | undefined> {
  const verification = await verify(text);
  if (!verification.ok && verification.code !== 'TOKEN_EXPIRED') return undefined;
  const { token } = verification;
  const verdict = verification.ok ? await checkThoroughly(token, text) : 'EXPIRED';
  // Whoever has a revoked key can name any session, and is not to end it.
  if (verdict === 'DISTRUSTED') return undefined;
  const { sub, sid, jti } = token.claims;
  return { userId: sub, sessionId: sid, tokenId: verdict === 'GOOD' ? jti : undefined };
}

/**
 * Ends what a token of either kind belongs to (RFC 7009): its session with all its tokens, as a logout with it does. A
 * refresh token that was used before is taken as well, and not for theft: who wants the session ended gets that.
 * Answers nothing for what names no session of ours, for which there is nothing to be done.
 */
export const revokeToken =
  (deps: Dependencies) =>
  async (token: string, client: Client): Promise<Receipt | undefined> => {
    await deps.limits.tokenLookup(client);
    const named = (await sessionOfRefreshToken(deps, token)) ?? (await sessionOfAccessToken(deps, token));
    if (!named) {
      await deps.limits.badToken(client);
      const reason = 'sent to be revoked, and not one of ours';
      deps.recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', reason, ...originOf(client) });
      return undefined;
    }
    await deps.limits.logout(named.sessionId, client);
    return endSession(deps, named, client);
  };
