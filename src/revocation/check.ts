import { isExpired, type VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type Decision, type Known } from '../core/decision';
import { isUnavailable, serviceUnavailable } from '../core/errors';
import { type CheckStep, type Metrics, noMetrics } from '../core/ports/metrics';
import type { FillTicket, RecordAnswer, Records } from '../core/ports/records';
import type { Source } from '../core/ports/source';
import type { RecordsGate } from '../protocol/records-gate';

export type Verdict = Exclude<Decision, 'UNKNOWN'>;

/**
 * Tells whether a token with a valid signature and valid claims is still good. Answers synchronously when the view can
 * tell. Throws, or rejects with, `SERVICE_UNAVAILABLE` when no store that can tell is reachable: then the token is
 * neither accepted nor called revoked.
 *
 * @param text the token as it was presented
 */
export type Check = (token: VerifiedToken, text: string) => Verdict | Promise<Verdict>;

/** The store to ask when neither the view nor Redis can tell. If it can be reached, it can always tell. */
export interface LastResort {
  readonly step: CheckStep;
  /**
   * Rejects with `SERVICE_UNAVAILABLE` when it cannot be reached.
   *
   * @param ticket permits to fill the missing record in Redis; only for a store that reads Postgres itself
   */
  ask(token: VerifiedToken, text: string, ticket: FillTicket | undefined): Promise<Verdict>;
}

export interface CheckSources {
  readonly source: Pick<Source, 'lookUp' | 'knownRevocation' | 'readableEpoch' | 'reach'>;
  readonly records?: Pick<Records, 'read'>;
  /** Closed when the records cannot be read. */
  readonly gate?: Pick<RecordsGate, 'close'>;
  readonly lastResort?: LastResort;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly metrics?: Pick<Metrics, 'checked'>;
}

/**
 * Creates the check: it asks the nearest store first, then the next, until one can tell. Every judgement on a token comes
 * from here. Requests share no look-up: one that began before a revocation must not answer a request that began after it.
 */
export function createCheck(sources: CheckSources): Check {
  const { source, records, gate, lastResort, clock, clockSkew, metrics = noMetrics } = sources;

  /** Answers the verdict, or nothing when that store cannot tell. */
  const judge = ({ claims }: VerifiedToken, step: CheckStep, known: Known): Verdict | undefined => {
    const decision = decide(claims, known, clock.now(), clockSkew);
    if (decision === 'UNKNOWN') return undefined;
    metrics.checked(step, decision);
    return decision;
  };

  const readRecord = async (token: VerifiedToken): Promise<RecordAnswer | undefined> => {
    if (!records) return undefined;
    try {
      const epochId = source.readableEpoch ?? (await source.reach?.());
      return epochId === undefined ? undefined : await records.read(epochId, token);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      gate?.close();
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
      // The token may have expired while the store was asked.
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

  /** A token that was refused once is not accepted again, even if a store that is behind would still accept it. */
  const refusal = (token: VerifiedToken): Verdict | undefined => {
    const known = source.knownRevocation(token);
    const decision = known && decide(token.claims, known, clock.now(), clockSkew);
    if (decision !== 'REVOKED' && decision !== 'DISTRUSTED') return undefined;
    metrics.checked('view', decision);
    return decision;
  };

  return (token, text) => {
    const seen = source.lookUp(token);
    return (seen ? judge(token, 'view', seen) : refusal(token)) ?? askStores(token, text);
  };
}
