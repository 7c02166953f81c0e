import { isLive } from '../core/account';
import type { VerifiedToken } from '../core/claims';
import { isUnavailable } from '../core/errors';
import type { Source } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import { type Check, type CheckOptions, createCheck, type Verdict } from './check';

export type CheckThoroughly = (token: VerifiedToken, text: string) => Promise<Verdict>;

export interface ThoroughCheckOptions extends Pick<CheckOptions, 'clock' | 'clockSkew'> {
  readonly records?: Source;
  readonly truth: Source;
  readonly sessions: Pick<Truth['sessions'], 'find'>;
}

/**
 * Creates the check for introspection, whose answer others rely on. It is stricter than `Check`: a revocation counts from
 * its commit, not from its confirmation. A session that has expired counts as ended too, although the log does not say so.
 *
 * The view is not asked. The records come first: a missing record draws a ticket here and is filled again, for the
 * processes that read only records. A token that they call revoked is revoked. A token that they call good is checked in
 * Postgres again. While Postgres is away their answer stands, since they hold every confirmed revocation.
 */
export function createThoroughCheck(options: ThoroughCheckOptions): CheckThoroughly {
  const { records, truth, sessions, clock, clockSkew } = options;
  const byTruth: Check = createCheck({ sources: [truth], clock, clockSkew });
  const byRecords: Check = createCheck({ sources: records ? [records, truth] : [truth], clock, clockSkew });

  const isSessionLive = async ({ claims }: VerifiedToken) => {
    const session = await sessions.find(claims.sid);
    return session !== undefined && isLive(session, claims, clock.now());
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
