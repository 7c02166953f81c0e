import type { VerifiedToken } from './claims';

/**
 * One fact: from now on these tokens are refused. Versions only grow and denied ids are only added, so it is safe to
 * apply a revocation twice, late or out of order.
 */
export type Revocation =
  | { readonly kind: 'TOKEN'; readonly userId: string; readonly tokenId: string }
  | { readonly kind: 'SESSION'; readonly userId: string; readonly sessionId: string }
  | { readonly kind: 'USER'; readonly userId: string; readonly tokenVersion: number }
  | { readonly kind: 'EVERYONE'; readonly globalVersion: number }
  | { readonly kind: 'KEY'; readonly keyId: string };

/** A revocation in the log, from the commit of its transaction on. */
export type LoggedRevocation = Revocation & {
  /** Its id in the log. Ids have no order. */
  readonly id: string;
  /** ms since the epoch, by the clock of Postgres. */
  readonly revokedAt: number;
  /** ms since the epoch. After it, every token that the revocation refuses has expired. */
  readonly expiresAt: number;
};

/** What a revocation refuses. Whose token or session it is, is not needed for that. */
type Refused =
  | { readonly kind: 'TOKEN'; readonly userId?: string; readonly tokenId: string }
  | { readonly kind: 'SESSION'; readonly userId?: string; readonly sessionId: string }
  | Extract<Revocation, { readonly kind: 'USER' | 'EVERYONE' | 'KEY' }>;

/**
 * A revocation as a process learns of it. A service that joins a node gets the node's view first. For what it had missed, a
 * view cannot say whose token or session it was, its id in the log, and when it was revoked.
 */
export type LearnedRevocation = Refused & {
  /** Its id in the log. Ids have no order. */
  readonly id?: string;
  /** ms since the epoch, by the clock of Postgres. */
  readonly revokedAt?: number;
  /** ms since the epoch. After it, every token that the revocation refuses has expired. */
  readonly expiresAt: number;
};

/** Whether this one revocation refuses the token. If not, another one may. */
export function refuses(revocation: Refused, { claims, keyId }: VerifiedToken): boolean {
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
