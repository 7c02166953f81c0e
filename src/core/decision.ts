import { isExpired, type AccessTokenClaims } from './claims';

/**
 * What one store knows about one token.
 *
 * A current `view` names every confirmed revocation that still matters: a token that it does not name is good. A `copy`
 * may be old, but never holds what the truth does not: a token that it names is revoked, and a version above its own
 * means that it is behind. The `truth` is complete: only an equal version is good, and a missing or disabled user has
 * no good token.
 */
interface Findings<From, Version = number> {
  readonly from: From;
  readonly tokenVersion: Version;
  readonly globalVersion: number;
  /** Whether the token's jti or its session is revoked. */
  readonly denied: boolean;
  /** Whether the key that signed it is revoked. */
  readonly keyDenied: boolean;
  /**
   * ms since the epoch, by the clock of Postgres. Entries that had expired by then may be missing, so only the truth
   * can decide on a token that had expired by then: that clock may have been ahead for a while.
   */
  readonly asOf: number;
}

/** Its `tokenVersion` is 0 if no revocation names the user. */
export type FoundInView = Findings<'view'>;

/** In a view that is not current. What it names is revoked all the same; what it does not name may be revoked too. */
export type FoundInStaleView = Findings<'stale view'>;

export type FoundInCopy = Findings<'copy'>;

/** Its `tokenVersion` is `undefined` if the user does not exist or is disabled. */
export type FoundInTruth = Findings<'truth', number | undefined>;

/** What the auth server said. */
export interface FoundByIntrospection {
  readonly from: 'introspection';
  readonly active: boolean;
}

export type Known = FoundInView | FoundInStaleView | FoundInCopy | FoundInTruth | FoundByIntrospection;

/**
 * The decision on a token. `DISTRUSTED`: its key is revoked, so it may be forged and no claim in it counts. `UNKNOWN`:
 * ask the next store; it is never the answer to a client.
 */
export type Decision = 'GOOD' | 'EXPIRED' | 'REVOKED' | 'DISTRUSTED' | 'UNKNOWN';

/**
 * Decides on a token whose signature and claims are valid.
 *
 * @param now ms since the epoch
 * @param skew ms that clocks may differ by
 */
export function decide(claims: AccessTokenClaims, known: Known, now: number, skew: number): Decision {
  if (known.from === 'introspection') {
    if (!known.active) return 'REVOKED';
    return isExpired(claims, now, skew) ? 'EXPIRED' : 'GOOD';
  }
  if (known.keyDenied) return 'DISTRUSTED';
  const isForgotten = isExpired(claims, known.asOf, skew);
  // First, so that a decision that took long is never given on a token that expired meanwhile.
  if (isExpired(claims, now, skew) || (isForgotten && known.from === 'truth'))
    return known.from === 'stale view' ? 'UNKNOWN' : 'EXPIRED';
  if (known.denied || known.tokenVersion === undefined) return 'REVOKED';
  if (claims.tokenVersion < known.tokenVersion || claims.globalVersion < known.globalVersion)
    return 'REVOKED';
  if (isForgotten || known.from === 'stale view') return 'UNKNOWN';
  if (known.from === 'view') return 'GOOD';
  if (claims.tokenVersion === known.tokenVersion && claims.globalVersion === known.globalVersion)
    return 'GOOD';
  return known.from === 'truth' ? 'REVOKED' : 'UNKNOWN';
}
