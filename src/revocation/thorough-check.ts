import { isLive } from '../core/account';
import type { VerifiedToken } from '../core/claims';
import { isUnavailable } from '../core/errors';
import type { Truth } from '../core/ports/truth';
import { type Check, type CheckSources, createCheck, type Verdict } from './check';

export type CheckThoroughly = (token: VerifiedToken, text: string) => Promise<Verdict>;

export interface ThoroughSources extends Omit<CheckSources, 'metrics'> {
  readonly sessions: Pick<Truth['sessions'], 'find'>;
}

/**
 * The check for those who ask on behalf of others. It is stricter than `Check`: a revocation counts from its commit, not
 * from its confirmation, and so does the end of a session that merely ran out, of which the log says nothing.
 *
 * The view is not asked. The records are, and first: where one is missing, that draws the ticket by which it is filled
 * again, for the processes that read nothing else. But what they call good is put before the truth once more, and their
 * word stands only while that is away: they hold every confirmed revocation, as the view does. What they call
 * revoked is revoked, so that the truth need not be asked.
 */
export function createThoroughCheck(sources: ThoroughSources): CheckThoroughly {
  const { feed, lastResort, sessions, clock, clockSkew } = sources;
  const noView = { lookUp: () => undefined, hearsay: () => undefined };
  const byRecords: Check = createCheck({
    ...sources,
    feed: {
      ...noView,
      get readableEpoch() {
        return feed.readableEpoch;
      },
    },
  });
  const byTruth: Check = createCheck({
    feed: { ...noView, readableEpoch: undefined },
    lastResort,
    clock,
    clockSkew,
  });

  const isSessionLive = async ({ claims }: VerifiedToken) => {
    const session = await sessions.find(claims.sid);
    return session !== undefined && isLive(session, claims.globalVersion, clock.now());
  };

  return async (token, text) => {
    const verdict = await byRecords(token, text);
    if (verdict !== 'GOOD') return verdict;
    try {
      const final = await byTruth(token, text);
      return final === 'GOOD' && !(await isSessionLive(token)) ? 'REVOKED' : final;
    } catch (error) {
      if (isUnavailable(error)) return verdict;
      throw error;
    }
  };
}
