import { isLive } from '../core/account';
import type { AccessTokenClaims } from '../core/claims';
import type { Dependencies } from './dependencies';
import { CLIENT_ID } from './grant';

/** An introspection response (RFC 7662, section 2.2). */
export type Introspection =
  | { readonly active: false }
  | ({
      readonly active: true;
      readonly token_use: 'access_token';
      readonly token_type: 'Bearer';
    } & AccessTokenClaims)
  /** Without `token_type`, which says how a token is used at a resource (RFC 6749, section 7.1). */
  | ({ readonly active: true; readonly token_use: 'refresh_token' } & Pick<
      AccessTokenClaims,
      'iss' | 'sub' | 'client_id' | 'exp' | 'sid'
    >);

/** Gives no reason: an unknown token must look like a revoked one (RFC 7662, section 2.2). */
const INACTIVE: Introspection = { active: false };

async function introspectAccessToken(
  { verify, checkThoroughly }: Dependencies,
  text: string,
): Promise<Introspection> {
  const verification = await verify(text);
  if (!verification.ok) return INACTIVE;
  if ((await checkThoroughly(verification.token, text)) !== 'GOOD') return INACTIVE;
  const { iss, sub, aud, client_id, iat, exp, nbf, jti, sid, role, ...rest } = verification.token.claims;
  const { tokenVersion, globalVersion, auth_time, claims } = rest;
  // One by one, so that a claim added later is not exposed by accident.
  const exposed = { iss, sub, aud, client_id, iat, exp, nbf, jti, sid, role };
  return {
    active: true,
    token_use: 'access_token',
    token_type: 'Bearer',
    ...exposed,
    ...{ tokenVersion, globalVersion, auth_time, claims },
  };
}

async function introspectRefreshToken(
  { truth, refreshTokens, clock, settings }: Dependencies,
  text: string,
): Promise<Introspection> {
  const token = await refreshTokens.read(text);
  const found = token && (await truth.sessions.look(token));
  // `refresh` accepts the token before within the grace, but its successor is the current one.
  if (!found || token.generation !== found.generation) return INACTIVE;
  const { user, session, fleet } = found;
  const versions = { tokenVersion: user.tokenVersion, globalVersion: fleet.globalVersion };
  if (user.disabled || !isLive(session, versions, clock.now())) return INACTIVE;
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
 * Introspects an access or refresh token (RFC 7662). Throws `SERVICE_UNAVAILABLE` if no store can tell: such a token is
 * neither active nor inactive.
 */
export const introspect =
  (deps: Dependencies) =>
  (token: string): Promise<Introspection> =>
    deps.refreshTokens.hasForm(token)
      ? introspectRefreshToken(deps, token)
      : introspectAccessToken(deps, token);
