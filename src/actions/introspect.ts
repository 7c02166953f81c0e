import { isLive } from '../core/account';
import type { AccessTokenClaims } from '../core/claims';
import type { Dependencies } from './dependencies';
import { CLIENT_ID, hashOf, looksLikeRefreshToken } from './grant';

/** What RFC 7662 has an authorization server say of a token, in its names. */
export type Introspection =
  | { readonly active: false }
  | ({ readonly active: true; readonly token_use: 'access_token'; readonly token_type: 'Bearer' } & Pick<
      AccessTokenClaims,
      | 'iss'
      | 'sub'
      | 'aud'
      | 'client_id'
      | 'iat'
      | 'exp'
      | 'nbf'
      | 'jti'
      | 'sid'
      | 'role'
      | 'tokenVersion'
      | 'globalVersion'
    >)
  /** No `token_type`, which is how a token is used at a resource (RFC 6749, section 7.1): this one never is. */
  | ({ readonly active: true; readonly token_use: 'refresh_token' } & Pick<
      AccessTokenClaims,
      'iss' | 'sub' | 'client_id' | 'exp' | 'sid'
    >);

/** Why is not said: the answer must not tell an unknown token from a revoked one (RFC 7662, section 2.2). */
const INACTIVE: Introspection = { active: false };

async function introspectAccessToken(
  { verify, checkThoroughly }: Dependencies,
  text: string,
): Promise<Introspection> {
  const verification = await verify(text);
  if (!verification.ok) return INACTIVE;
  const { claims } = verification.token;
  if ((await checkThoroughly(verification.token, text)) !== 'GOOD') return INACTIVE;
  // One by one: a claim that is added some day is not given away by itself.
  const { iss, sub, aud, client_id, iat, exp, nbf, jti, sid, role, tokenVersion, globalVersion } = claims;
  return {
    active: true,
    token_use: 'access_token',
    token_type: 'Bearer',
    ...{ iss, sub, aud, client_id, iat, exp, nbf, jti, sid, role, tokenVersion, globalVersion },
  };
}

async function introspectRefreshToken(
  { truth, clock, settings }: Dependencies,
  text: string,
): Promise<Introspection> {
  // Several statements, and no lock: a used token, an ended session, a raised version stay so, and disabling a user ends
  // the sessions. So what is still good at the last look was good at the first.
  const token = await truth.refreshTokens.findByHash(hashOf(text));
  // Within its grace `refresh` would take a used one again. But its successor is out, and that is the one to keep.
  if (!token || token.usedAt !== undefined) return INACTIVE;
  const [user, session, fleet] = await Promise.all([
    truth.users.findById(token.userId),
    truth.sessions.find(token.sessionId),
    truth.fleet.read(),
  ]);
  if (!user || user.disabled || !session) return INACTIVE;
  if (!isLive(session, fleet.globalVersion, clock.now())) return INACTIVE;
  return {
    active: true,
    token_use: 'refresh_token',
    iss: settings.issuer,
    sub: user.id,
    client_id: CLIENT_ID,
    exp: Math.floor(session.idleExpiresAt.getTime() / 1000),
    sid: session.id,
  };
}

/**
 * Says of a token of either kind whether it is good now (RFC 7662). Throws `SERVICE_UNAVAILABLE` when no store can tell:
 * that is neither active nor inactive.
 */
export const introspect =
  (deps: Dependencies) =>
  (token: string): Promise<Introspection> =>
    looksLikeRefreshToken(token) ? introspectRefreshToken(deps, token) : introspectAccessToken(deps, token);
