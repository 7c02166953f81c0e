import { isExpired, type VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type Decision, type Known } from '../core/decision';
import { isUnavailable, serviceUnavailable } from '../core/errors';
import { type CheckStep, type Metrics, noMetrics } from '../core/ports/metrics';
import type { FillTicket, RecordAnswer, Records } from '../core/ports/records';
import type { Feed } from '../core/ports/source';
import type { Trust } from '../protocol/records-gate';

export type Verdict = Exclude<Decision, 'UNKNOWN'>;

/**
 * Whether a token whose signature and claims hold is still good: at once when the view can tell. Throws, or rejects with,
 * `SERVICE_UNAVAILABLE` when nothing that could tell is reachable: that is never taken for good, and never for revoked.
 *
 * @param text the token as it was presented
 */
export type Check = (token: VerifiedToken, text: string) => Verdict | Promise<Verdict>;

/** Who is asked when neither the view nor Redis can tell: one that always can, if it can be reached. */
export interface LastResort {
  readonly step: CheckStep;
  /**
   * Rejects with `SERVICE_UNAVAILABLE` when it can't be reached.
   *
   * @param ticket leave to fill the record that is missing in Redis, for one who reads the truth itself
   */
  ask(token: VerifiedToken, text: string, ticket: FillTicket | undefined): Promise<Verdict>;
}

export interface CheckSources {
  readonly feed: Pick<Feed, 'lookUp' | 'hearsay' | 'readableEpoch' | 'reach'>;
  /** The fast copy, if there is one, and who is to know when it fails. */
  readonly copies?: { readonly records: Pick<Records, 'read'>; readonly trust: Pick<Trust, 'lose'> };
  readonly lastResort?: LastResort;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly metrics?: Pick<Metrics, 'checked'>;
}

/**
 * The one way to learn whether a token was revoked: the nearest store first, then the next, until one can tell.
 * No look-up is shared between requests: one that began before a revocation must not answer for one that began after.
 */
export function createCheck(sources: CheckSources): Check {
  const { feed, copies, lastResort, clock, clockSkew, metrics = noMetrics } = sources;

  /** The verdict, or nothing when that store cannot tell. */
  const judge = ({ claims }: VerifiedToken, step: CheckStep, known: Known): Verdict | undefined => {
    const decision = decide(claims, known, clock.now(), clockSkew);
    if (decision === 'UNKNOWN') return undefined;
    metrics.checked(step, decision);
    return decision;
  };

  const readRecord = async (token: VerifiedToken): Promise<RecordAnswer | undefined> => {
    if (!copies) return undefined;
    try {
      const epochId = feed.readableEpoch ?? (await feed.reach?.());
      return epochId === undefined ? undefined : await copies.records.read(epochId, token);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      copies.trust.lose();
      return undefined;
    }
  };

  const askLast = async (
    token: VerifiedToken,
    text: string,
    ticket: FillTicket | undefined,
  ): Promise<Verdict> => {
    try {
      if (!lastResort) throw serviceUnavailable(new Error('neither the view nor Redis can tell'));
      const verdict = await lastResort.ask(token, text, ticket);
      // It took its time, and the token may have run out meanwhile.
      const isOver = verdict === 'GOOD' && isExpired(token.claims, clock.now(), clockSkew);
      const answer = isOver ? 'EXPIRED' : verdict;
      metrics.checked(lastResort.step, answer);
      return answer;
    } catch (error) {
      metrics.checked('none', 'UNAVAILABLE');
      throw error;
    }
  };

  const askStores = async (token: VerifiedToken, text: string): Promise<Verdict> => {
    const record = await readRecord(token);
    const verdict = record?.found ? judge(token, 'redis', record.known) : undefined;
    return verdict ?? askLast(token, text, record?.found === false ? record.ticket : undefined);
  };

  /** Whatever else may be answered by one who has not heard of it yet, a token that was refused is not accepted again. */
  const refusal = (token: VerifiedToken): Verdict | undefined => {
    const heard = feed.hearsay(token);
    const decision = heard && decide(token.claims, heard, clock.now(), clockSkew);
    if (decision !== 'REVOKED' && decision !== 'DISTRUSTED') return undefined;
    metrics.checked('view', decision);
    return decision;
  };

  return (token, text) => {
    const seen = feed.lookUp(token);
    return (seen ? judge(token, 'view', seen) : refusal(token)) ?? askStores(token, text);
  };
}
