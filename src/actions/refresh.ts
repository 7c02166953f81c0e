import { isLive, type RefreshToken } from '../core/account';
import { refreshTokenInvalid, refreshTokenReused } from '../core/errors';
import type { Tables } from '../core/ports/truth';
import { type Caller, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { continueSession, grant, type GrantTerms, hashOf, looksLikeRefreshToken } from './grant';

/** ms for which a used token is accepted again: two tabs may refresh at once, or a response may get lost. */
const REUSE_GRACE = 10_000;

type Outcome = GrantTerms | 'INVALID' | 'REUSED';

async function rotate(
  tables: Tables,
  { clock, settings }: Dependencies,
  found: RefreshToken,
  hash: Buffer,
  client: Client,
): Promise<Outcome> {
  // Read before the version, as at login.
  const issuedAt = clock.now();
  const user = await tables.users.lock(found.userId, 'share');
  // This lock serializes refreshes of the session, so that the check and the mark below are one step.
  const session = await tables.sessions.lock(found.sessionId);
  const token = await tables.refreshTokens.findByHash(hash);
  const fleet = await tables.fleet.read();
  if (!user || user.disabled || !session || !token) return 'INVALID';
  if (!isLive(session, fleet.globalVersion, issuedAt)) return 'INVALID';
  // By the clock of Postgres, which all nodes share: a node whose clock is ahead would lengthen the grace.
  if (token.usedAt === undefined) await tables.refreshTokens.markUsed(token.id, new Date(fleet.now));
  else if (fleet.now - token.usedAt.getTime() > REUSE_GRACE) return 'REUSED';
  return continueSession(tables, settings, { user, session, client, issuedAt, fleet, parentId: token.id });
}

/**
 * Exchanges a refresh token for new tokens. Throws `REFRESH_TOKEN_INVALID`, or `REFRESH_TOKEN_REUSED` for one that was
 * used before: it may be a stolen copy, so its session is ended with all tokens (RFC 9700, section 4.14.2).
 */
export const refresh = (deps: Dependencies) => async (argument: string | undefined, caller: Caller) => {
  const { client } = caller;
  const refused = (reason: string, of?: RefreshToken) => {
    const { userId, sessionId } = of ?? {};
    deps.recordRefusal({ type: 'REFRESH_TOKEN_REFUSED', userId, sessionId, reason, ...originOf(client) });
    return refreshTokenInvalid();
  };
  const bad = async (reason: string) => {
    await deps.rateLimits.badToken(client);
    return refused(reason);
  };
  const refreshToken = argument ?? caller.refreshCookie;
  if (refreshToken === undefined) throw refreshTokenInvalid();
  if (!looksLikeRefreshToken(refreshToken)) throw await bad('malformed');
  await deps.rateLimits.tokenLookup(client);
  const hash = hashOf(refreshToken);
  // Only to find the user, who must be locked first. The rest is read again under the locks.
  const found = await deps.truth.refreshTokens.findByHash(hash);
  if (!found) throw await bad('unknown');
  await deps.rateLimits.refresh(found.sessionId, client);

  const outcome = await deps.truth.transaction((tables) => rotate(tables, deps, found, hash, client));
  if (outcome === 'INVALID') throw refused('its session has ended', found);
  if (outcome === 'REUSED') {
    const { userId, sessionId } = found;
    await deps.revoker.revoke(
      { scope: 'SESSION', userId, sessionId },
      { type: 'REFRESH_TOKEN_REUSED', userId, sessionId, ...originOf(client) },
    );
    throw refreshTokenReused();
  }
  return grant(deps, outcome);
};
