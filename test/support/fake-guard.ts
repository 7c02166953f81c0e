import { randomUUID } from 'node:crypto';
import { type AccessTokenClaims, isExpired } from '../../src/core/claims';
import type { LoggedRevocation, Revocation } from '../../src/core/revocation';
import type { Role } from '../../src/core/shape';
import type { AuthResult, Guard } from '../../src/guard/guard';

/** What a token of the fake guard says. */
export interface FakeToken extends AccessTokenClaims {
  readonly keyId: string;
}

type Refused = Extract<AuthResult, { ok: false }>['code'];

/** A guard whose answers a test decides. A token is its claims, as JSON. */
export class FakeGuard implements Guard {
  /** How often each user's token was judged. */
  private readonly asked = new Map<string, number>();
  verdict: (token: FakeToken) => true | Refused | Promise<true | Refused> = () => true;

  /** ms for which a token is accepted past its `exp` */
  clockSkew = 0;

  /** @param now ms since the epoch */
  constructor(private readonly now = () => Date.now()) {}

  async authenticate(authorization: string | undefined): Promise<AuthResult> {
    if (authorization === undefined) return { ok: false, code: 'TOKEN_MISSING' };
    if (!authorization.startsWith('Bearer ')) return { ok: false, code: 'TOKEN_INVALID' };
    const text = Buffer.from(authorization.slice('Bearer '.length), 'base64url').toString();
    const { keyId, ...claims } = JSON.parse(text) as FakeToken;
    this.asked.set(claims.sub, this.askedOf(claims) + 1);
    if (isExpired(claims, this.now(), this.clockSkew)) return { ok: false, code: 'TOKEN_EXPIRED' };
    const verdict = await this.verdict({ ...claims, keyId });
    if (verdict !== true) return { ok: false, code: verdict };
    const { sub: userId, sid: sessionId, jti: tokenId } = claims;
    const role = claims.role as Role;
    const token = { claims, keyId };
    return { ok: true, principal: { userId, sessionId, tokenId, role, claims: claims.claims ?? {}, token } };
  }

  askedOf({ sub }: Pick<AccessTokenClaims, 'sub'>): number {
    return this.asked.get(sub) ?? 0;
  }

  /** Makes all checks wait from now on. Each call of the answer ends the last one that waits. */
  hold(): (verdict: true | Refused) => void {
    let answer: (verdict: true | Refused) => void = () => undefined;
    this.verdict = () => new Promise((resolve) => (answer = resolve));
    return (verdict) => answer(verdict);
  }
}

export const newToken = (more: Partial<FakeToken> = {}, now = Date.now()): FakeToken => ({
  iss: 'test',
  sub: randomUUID(),
  aud: 'test',
  client_id: 'test',
  iat: Math.floor(now / 1000),
  exp: Math.floor(now / 1000) + 900,
  jti: randomUUID(),
  sid: randomUUID(),
  role: 'USER',
  auth_time: Math.floor(now / 1000),
  tokenVersion: 1,
  globalVersion: 1,
  keyId: 'key',
  ...more,
});

export const textOf = (token: FakeToken): string => Buffer.from(JSON.stringify(token)).toString('base64url');

export const logged = (revocation: Revocation): LoggedRevocation => ({
  ...revocation,
  id: randomUUID(),
  revokedAt: Date.now(),
  expiresAt: Date.now() + 900_000,
});
