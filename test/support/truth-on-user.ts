import type { TruthOnUser } from '../../src/core/ports/truth';

/** What Postgres holds of a user at this version. */
export const truthAt = (tokenVersion: number | undefined, more: Partial<TruthOnUser> = {}): TruthOnUser => ({
  globalVersion: 1,
  tokenVersion,
  disabled: false,
  deniedTokens: [],
  deniedSessions: [],
  deniedKeys: [],
  asOf: 0,
  ...more,
});
