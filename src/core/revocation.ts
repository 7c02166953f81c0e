import type { VerifiedToken } from './claims';

/**
 * One fact, and one only: from now on these tokens are refused. Versions only grow and denied ids are only added,
 * so applying a revocation twice, or late, or out of order does no harm.
 */
export type Revocation =
  | { readonly kind: 'TOKEN'; readonly userId: string; readonly tokenId: string }
  | { readonly kind: 'SESSION'; readonly userId: string; readonly sessionId: string }
  | { readonly kind: 'USER'; readonly userId: string; readonly tokenVersion: number }
  | { readonly kind: 'EVERYONE'; readonly globalVersion: number }
  | { readonly kind: 'KEY'; readonly keyId: string };

/** A revocation as it stands in the log, from the moment that its transaction is committed. */
export type LoggedRevocation = Revocation & {
  /** Names it in the log; tells no order. */
  readonly id: string;
  /** ms since the epoch, by the clock of Postgres. */
  readonly revokedAt: number;
  /** ms since the epoch: past it, no token that it refuses can still be good by its `exp`. */
  readonly expiresAt: number;
};

/**
 * Whether the revocation by itself, with nothing looked up, refuses this token. If not, the token may still have been
 * revoked by another one.
 */
export function refuses(revocation: Revocation, { claims, keyId }: VerifiedToken): boolean {
  switch (revocation.kind) {
    case 'TOKEN':
      return claims.jti === revocation.tokenId;
    case 'SESSION':
      return claims.sid === revocation.sessionId;
    case 'USER':
      return claims.sub === revocation.userId && claims.tokenVersion < revocation.tokenVersion;
    case 'EVERYONE':
      return claims.globalVersion < revocation.globalVersion;
    case 'KEY':
      return keyId === revocation.keyId;
  }
}
