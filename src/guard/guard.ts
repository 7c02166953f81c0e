import type { AccessTokenClaims, Role, VerifiedToken } from '../core/claims';
import { isUnavailable, type UnauthenticatedReason } from '../core/errors';
import type { VerifyToken } from '../core/ports/tokens';
import type { Check } from '../revocation/check';

/** Who is calling, by a token that is good. */
export interface Principal {
  readonly userId: string;
  readonly sessionId: string;
  readonly tokenId: string;
  readonly role: Role;
  readonly claims: AccessTokenClaims;
  /** The key that signed the token. */
  readonly keyId: string;
}

export type AuthResult =
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      /** `SERVICE_UNAVAILABLE`: it could not be told. Not a reason for a client to drop its session. */
      readonly code: UnauthenticatedReason | 'SERVICE_UNAVAILABLE';
      /** What a rightly signed token says that is expired or revoked. Good to tell whose it was, for nothing else. */
      readonly token?: VerifiedToken;
    };

export interface Guard {
  /**
   * Judges the value of an `Authorization` header (RFC 6750, section 2.1). Never throws for what a client sends; a list of
   * values is `TOKEN_INVALID`.
   */
  authenticate(authorization: string | undefined): Promise<AuthResult>;
}

// The scheme alone: to look at each character of the token as well took longer than the rest of a check. What is no
// token is refused by the verifier.
const BEARER = /^Bearer +/i;

/** Puts the two halves together: is it one of ours, and is it still good. */
export function assembleGuard(verify: VerifyToken, check: Check): Guard {
  const judge = async (value: string): Promise<AuthResult> => {
    // What is known at once is not waited for: each await costs every request a turn.
    const verifying = verify(value);
    const verification = verifying instanceof Promise ? await verifying : verifying;
    if (!verification.ok) return verification;
    const { token } = verification;
    const checking = check(token, value);
    const verdict = checking instanceof Promise ? await checking : checking;
    if (verdict === 'DISTRUSTED') return { ok: false, code: 'TOKEN_REVOKED' };
    if (verdict !== 'GOOD') return { ok: false, code: `TOKEN_${verdict}`, token };
    const { claims } = token;
    return {
      ok: true,
      principal: {
        userId: claims.sub,
        sessionId: claims.sid,
        tokenId: claims.jti,
        role: claims.role,
        claims,
        keyId: token.keyId,
      },
    };
  };

  return {
    async authenticate(authorization) {
      if (!authorization) return { ok: false, code: 'TOKEN_MISSING' };
      // Without types anything may come: the list of a header that was sent twice, for one.
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
