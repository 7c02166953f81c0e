import type { VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type Decision, type Known } from '../core/decision';
import { isUnavailable } from '../core/errors';
import type { RecordAnswer, Records } from '../core/ports/records';
import type { Truth, TruthOnUser } from '../core/ports/truth';
import type { Trust } from './trust';

export type Verdict = Exclude<Decision, 'UNKNOWN'>;

/**
 * Whether a token whose signature and claims hold is still good. Throws `SERVICE_UNAVAILABLE` when nothing that could
 * tell is reachable: that is never taken for good, and never for revoked.
 */
export type Check = (token: VerifiedToken) => Promise<Verdict>;

export interface CheckSources {
  /** The fast copy, if there is one, and whether it is to be believed. */
  readonly copies?: { readonly records: Records; readonly trust: Trust };
  readonly truth: Pick<Truth, 'onUser'>;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
}

function fromTruth({ claims, keyId }: VerifiedToken, truth: TruthOnUser): Known {
  return {
    from: 'truth',
    tokenVersion: truth.disabled ? undefined : truth.tokenVersion,
    globalVersion: truth.globalVersion,
    denied: truth.deniedTokens.includes(claims.jti) || truth.deniedSessions.includes(claims.sid),
    keyDenied: truth.deniedKeys.includes(keyId),
  };
}

/**
 * The one way to learn whether a token was revoked: the nearest store first, then the next, until one can tell.
 * No look-up is shared between requests: one that began before a revocation must not answer for one that began after.
 */
export function createCheck({ copies, truth, clock, clockSkew }: CheckSources): Check {
  const readRecord = async (token: VerifiedToken): Promise<RecordAnswer | undefined> => {
    if (!copies?.trust.holds) return undefined;
    try {
      return await copies.records.read(token);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      copies.trust.lose();
      return undefined;
    }
  };

  return async (token) => {
    const record = await readRecord(token);
    if (record?.found) {
      const decision = decide(token.claims, record.known, clock.now(), clockSkew);
      if (decision !== 'UNKNOWN') return decision;
    }

    // Must come after the ticket was drawn: what is read here may only be filled in if nothing was published since.
    const onUser = await truth.onUser(token.claims.sub);
    if (copies && record && !record.found) {
      // Nobody waits for this: the answer is known, and a fill that fails only means to ask again next time.
      copies.records.fill(record.ticket, token.claims.sub, onUser).catch(() => undefined);
    }
    const decision = decide(token.claims, fromTruth(token, onUser), clock.now(), clockSkew);
    if (decision === 'UNKNOWN') throw new Error('The truth must always decide.');
    return decision;
  };
}
