import type { TruthOnUser } from '../../src/core/ports/truth';

/** What the truth says of a user at that version, of whom nothing else is known. */
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
