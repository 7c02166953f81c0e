import { isExpired, type AccessTokenClaims } from './claims';

/**
 * What one of the stores says that bears on one token.
 *
 * The `view`, when it may be asked, names every confirmed revocation that can still matter: what it does not name is
 * good. A `copy` may be old, but never holds what the truth does not: what it names is revoked, and a version higher
 * than it knows means that it is behind. The `truth` is complete: there only equality is good, and a user whom
 * it does not have, or has disabled, has no good token.
 */
interface Findings {
  readonly globalVersion: number;
  /** The token's jti or its session is on the denylist. */
  readonly denied: boolean;
  /** The key that signed it is. */
  readonly keyDenied: boolean;
  /**
   * ms since the epoch, by the clock of Postgres: what had expired by then may be missing. Of a token that had expired by
   * then, only the truth can tell: that clock may have been ahead for a while.
   */
  readonly asOf: number;
}

export interface FoundInView extends Findings {
  readonly from: 'view';
  /** 0: no revocation names the user. */
  readonly tokenVersion: number;
}

export interface FoundInCopy extends Findings {
  readonly from: 'copy';
  readonly tokenVersion: number;
}

export interface FoundInTruth extends Findings {
  readonly from: 'truth';
  /** `undefined`: there is no such user, or the user is disabled. */
  readonly tokenVersion: number | undefined;
}

export type Known = FoundInView | FoundInCopy | FoundInTruth;

/**
 * `DISTRUSTED` is a token of a revoked key: it may not even be one of ours, so nothing that it says counts. `UNKNOWN`
 * means: ask the next store. It is never an answer to a client.
 */
export type Decision = 'GOOD' | 'EXPIRED' | 'REVOKED' | 'DISTRUSTED' | 'UNKNOWN';

/**
 * Decides on a token whose signature and claims hold.
 *
 * @param now ms since the epoch
 * @param skew ms that clocks may differ by
 */
export function decide(claims: AccessTokenClaims, known: Known, now: number, skew: number): Decision {
  if (known.keyDenied) return 'DISTRUSTED';
  const isForgotten = isExpired(claims, known.asOf, skew);
  // Before the rest, so that a verdict which took its time to come is never given on a token that ran out meanwhile.
  if (isExpired(claims, now, skew) || (isForgotten && known.from === 'truth')) return 'EXPIRED';
  if (known.denied || known.tokenVersion === undefined) return 'REVOKED';
  if (claims.tokenVersion < known.tokenVersion || claims.globalVersion < known.globalVersion)
    return 'REVOKED';
  if (isForgotten) return 'UNKNOWN';
  if (known.from === 'view') return 'GOOD';
  if (claims.tokenVersion === known.tokenVersion && claims.globalVersion === known.globalVersion)
    return 'GOOD';
  return known.from === 'truth' ? 'REVOKED' : 'UNKNOWN';
}
