import { randomUUID } from 'node:crypto';
import type { AccessTokenClaims } from '../core/claims';
import type { ClaimsOf, RoleOf, Shape } from '../core/shape';
import type { Principal } from '../guard/guard';

/** What a test wants of a principal. The rest is made up. */
export interface PrincipalWishes<S extends Shape = Shape> {
  readonly userId?: string;
  readonly sessionId?: string;
  readonly tokenId?: string;
  /** `USER` if left out. */
  readonly role?: RoleOf<S>;
  readonly claims?: ClaimsOf<S>;
  /** Other claims of the token, such as `exp`. Times are in s since the epoch. */
  readonly token?: Partial<Omit<AccessTokenClaims, 'sub' | 'sid' | 'jti' | 'role' | 'claims'>>;
}

/** The arguments of `testPrincipal`: claims that a type promises cannot be left out. */
export type PrincipalArguments<S extends Shape> = S extends { readonly claims: object }
  ? [wishes: PrincipalWishes<S> & { readonly claims: ClaimsOf<S> }]
  : [wishes?: PrincipalWishes<S>];

/** s for which the token of a test is good. */
const TTL = 15 * 60;

/**
 * Makes a principal, as a guard returns it for a good token: another user at each call, unless you pass `userId`.
 *
 * @example
 * const context = { auth: { ok: true, principal: testPrincipal({ role: 'ADMIN' }) } };
 */
export function testPrincipal<S extends Shape = Shape>(
  ...[wishes = {}]: PrincipalArguments<S>
): Principal<S> {
  const { userId = randomUUID(), sessionId = randomUUID(), tokenId = randomUUID(), token } = wishes;
  const { role = 'USER', claims } = wishes as PrincipalWishes<S>;
  const now = Math.floor(Date.now() / 1000);
  const signed: AccessTokenClaims = {
    iss: 'https://auth.test',
    aud: 'test',
    client_id: 'test',
    iat: now,
    auth_time: now,
    exp: now + TTL,
    tokenVersion: 1,
    globalVersion: 1,
    ...token,
    sub: userId,
    sid: sessionId,
    jti: tokenId,
    role,
    ...(claims && { claims: claims as Readonly<Record<string, unknown>> }),
  };
  return {
    userId,
    sessionId,
    tokenId,
    role,
    claims: (claims ?? {}) as ClaimsOf<S>,
    token: { claims: signed, keyId: 'test' },
  };
}
