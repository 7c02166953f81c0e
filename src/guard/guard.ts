import type { VerifiedToken } from '../core/claims';
import { isUnavailable, type UnauthenticatedReason } from '../core/errors';
import type { VerifyToken } from '../core/ports/tokens';
import type { ClaimsOf, RoleOf, Shape } from '../core/shape';
import type { Check } from '../revocation/check';
import { type GuardClock, noteClock } from './auth-age';

/** The user and session of a valid access token. */
export interface Principal<out S extends Shape = Shape> {
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenId: string;
  readonly role: RoleOf<S>;
  /** The application's own claims; empty if the token has none. */
  readonly claims: ClaimsOf<S>;
  /** The whole token. */
  readonly token: VerifiedToken;
}

/** The result of a check: a principal, or why there is none. */
export type AuthResult<S extends Shape = Shape> =
  | { readonly ok: true; readonly principal: Principal<S> }
  | {
      readonly ok: false;
      /** `SERVICE_UNAVAILABLE`: the token could not be checked. The client keeps its session and tries again. */
      readonly code: UnauthenticatedReason | 'SERVICE_UNAVAILABLE';
      /** The token, if its signature is valid but it is expired or revoked. Use it only to say whose it was. */
      readonly token?: VerifiedToken;
    };

/** Checks access tokens. */
export interface Guard<S extends Shape = Shape> {
  /**
   * Checks the value of an `Authorization` header (RFC 6750, section 2.1). Never throws for what a client sends. An
   * array is `TOKEN_INVALID`.
   */
  authenticate(authorization: string | undefined): Promise<AuthResult<S>>;
}

// Matches only the scheme: a pattern for the token took longer than the rest of a check. The verifier refuses the rest.
const BEARER = /^Bearer +/i;

const NO_CLAIMS = Object.freeze({});

/** Returns the principal of a good token. The types of its role and claims are the caller's word. */
function principalOf<S extends Shape>(token: VerifiedToken): Principal<S> {
  const { sub, sid, jti, role, claims = NO_CLAIMS } = token.claims;
  return {
    userId: sub,
    sessionId: sid,
    tokenId: jti,
    role: role as RoleOf<S>,
    claims: claims as ClaimsOf<S>,
    token,
  };
}

/** Combines the two halves of a check: signature and claims, then revocation. */
export function assembleGuard<S extends Shape>(
  verify: VerifyToken,
  check: Check,
  { clock, clockSkew }: GuardClock,
): Guard<S> {
  const times = { clock, clockSkew };
  const judge = async (value: string): Promise<AuthResult<S>> => {
    // Awaits only promises: each await costs a microtask turn on every request.
    const verifying = verify(value);
    const verification = verifying instanceof Promise ? await verifying : verifying;
    if (!verification.ok) return verification;
    const { token } = verification;
    const checking = check(token, value);
    const verdict = checking instanceof Promise ? await checking : checking;
    if (verdict === 'DISTRUSTED') return { ok: false, code: 'TOKEN_REVOKED' };
    if (verdict !== 'GOOD') return { ok: false, code: `TOKEN_${verdict}`, token };
    noteClock(token, times);
    return { ok: true, principal: principalOf(token) };
  };

  return {
    async authenticate(authorization) {
      if (!authorization) return { ok: false, code: 'TOKEN_MISSING' };
      // Untyped callers may pass anything, such as the array of a repeated header.
      if (typeof authorization !== 'string') return { ok: false, code: 'TOKEN_INVALID' };
      const scheme = BEARER.exec(authorization)?.[0];
      if (scheme === undefined) return { ok: false, code: 'TOKEN_INVALID' };
      try {
        return await judge(authorization.slice(scheme.length));
      } catch (error) {
        if (isUnavailable(error)) return { ok: false, code: 'SERVICE_UNAVAILABLE' };
        throw error;
      }
    },
  };
}
