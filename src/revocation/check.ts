import type { VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type Decision, type FoundInTruth, type Known } from '../core/decision';
import { isUnavailable } from '../core/errors';
import { type CheckStep, type Metrics, noMetrics } from '../core/ports/metrics';
import type { RecordAnswer, Records } from '../core/ports/records';
import type { Truth, TruthOnUser } from '../core/ports/truth';
import type { Feed } from './feed';
import type { Trust } from './trust';

export type Verdict = Exclude<Decision, 'UNKNOWN'>;

/**
 * Whether a token whose signature and claims hold is still good: at once when the view can tell. Throws, or rejects with,
 * `SERVICE_UNAVAILABLE` when nothing that could tell is reachable: that is never taken for good, and never for revoked.
 */
export type Check = (token: VerifiedToken) => Verdict | Promise<Verdict>;

export interface CheckSources {
  readonly feed: Pick<Feed, 'lookUp' | 'readableEpoch'>;
  /** The fast copy, if there is one, and whether it is to be believed. */
  readonly copies?: { readonly records: Records; readonly trust: Pick<Trust, 'lose'> };
  readonly truth: Pick<Truth, 'onUser'>;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly metrics?: Metrics;
}

function fromTruth({ claims, keyId }: VerifiedToken, truth: TruthOnUser): FoundInTruth {
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
export function createCheck(sources: CheckSources): Check {
  const { feed, copies, truth, clock, clockSkew, metrics = noMetrics } = sources;

  /** The verdict, or nothing when that store cannot tell. */
  const judge = ({ claims }: VerifiedToken, step: CheckStep, known: Known): Verdict | undefined => {
    const decision = decide(claims, known, clock.now(), clockSkew);
    if (decision === 'UNKNOWN') return undefined;
    metrics.checked(step, decision);
    return decision;
  };

  const readRecord = async (token: VerifiedToken): Promise<RecordAnswer | undefined> => {
    const epochId = feed.readableEpoch;
    if (!copies || epochId === undefined) return undefined;
    try {
      return await copies.records.read(epochId, token);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      copies.trust.lose();
      return undefined;
    }
  };

  const readTruth = async (userId: string): Promise<TruthOnUser> => {
    try {
      return await truth.onUser(userId);
    } catch (error) {
      metrics.checked('none', 'UNAVAILABLE');
      throw error;
    }
  };

  const askStores = async (token: VerifiedToken): Promise<Verdict> => {
    const record = await readRecord(token);
    const verdict = record?.found ? judge(token, 'redis', record.known) : undefined;
    if (verdict) return verdict;

    // Must come after the ticket was drawn: what is read here may only be filled in if nothing was published since.
    const onUser = await readTruth(token.claims.sub);
    if (copies && record && !record.found) {
      // Nobody waits for this: the answer is known, and a fill that fails only means to ask again next time.
      copies.records.fill(record.ticket, token.claims.sub, onUser).catch(() => undefined);
    }
    const final = judge(token, 'postgres', fromTruth(token, onUser));
    if (!final) throw new Error('The truth must always decide.');
    return final;
  };

  return (token) => {
    const seen = feed.lookUp(token);
    return (seen && judge(token, 'view', seen)) ?? askStores(token);
  };
}
