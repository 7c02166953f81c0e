import type { VerifiedToken } from '../core/claims';
import type { Clock } from '../core/clock';
import { decide, type Decision, type Known } from '../core/decision';
import { serviceUnavailable } from '../core/errors';
import { type CheckStep, type Metrics, noMetrics } from '../core/ports/metrics';
import type { Question, Source } from '../core/ports/source';

export type Verdict = Exclude<Decision, 'UNKNOWN'>;

/**
 * Tells whether a token with a valid signature and valid claims is still good. Answers synchronously when the nearest
 * source does and can tell. Rejects with `SERVICE_UNAVAILABLE` when no source that can tell is reachable: then the token
 * is neither accepted nor called revoked.
 *
 * @param text the token as it was presented
 */
export type Check = (token: VerifiedToken, text: string) => Verdict | Promise<Verdict>;

export interface CheckOptions {
  /** In the order in which they are asked, the nearest first. */
  readonly sources: readonly Source[];
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly metrics?: Pick<Metrics, 'checked'>;
}

/**
 * Creates the check: the first source that can tell decides. Every judgement on a token comes from here. Requests share no
 * look-up: one that began before a revocation must not answer a request that began after it.
 */
export function createCheck({ sources, clock, clockSkew, metrics = noMetrics }: CheckOptions): Check {
  const [nearest, ...others] = sources;

  /** Answers the verdict, or nothing when the source cannot tell. */
  const judge = (token: VerifiedToken, step: CheckStep, known: Known): Verdict | undefined => {
    const decision = decide(token.claims, known, clock.now(), clockSkew);
    if (decision === 'UNKNOWN') return undefined;
    metrics.checked(step, decision);
    return decision;
  };

  const ask = async (source: Source, question: Question, finding = source.find(question)) => {
    const known = await finding;
    return known && judge(question.token, source.step, known);
  };

  /** @param finding what the nearest source has answered, if that is a promise */
  const askOthers = async (question: Question, finding?: Promise<Known | undefined>): Promise<Verdict> => {
    try {
      let verdict = nearest && finding && (await ask(nearest, question, finding));
      for (const source of others) verdict ??= await ask(source, question);
      if (verdict) return verdict;
      throw serviceUnavailable(new Error('neither the view nor Redis can tell'));
    } catch (error) {
      metrics.checked('none', 'UNAVAILABLE');
      throw error;
    }
  };

  return (token, text) => {
    const question: Question = { token, text, ticket: undefined };
    // The nearest one apart, outside of any loop: on nearly every request it is the view, and all that is asked.
    const found = nearest?.find(question);
    if (found instanceof Promise) return askOthers(question, found);
    return (found && nearest && judge(token, nearest.step, found)) ?? askOthers(question);
  };
}
