import type { VerifiedToken } from '../claims';
import type { FoundInView } from '../decision';

/** How a process learns of revocations: it keeps the view up to date, and knows when the view may be asked. */
export interface Source {
  /**
   * What the view says about a token; `undefined` while it is not current, or for a token that lives longer than it
   * covers.
   */
  lookUp(token: VerifiedToken): FoundInView | undefined;
  /**
   * What the view says about a token, current or not. What it names is revoked in any case. What it does not name may
   * still be revoked.
   */
  knownRevocation(token: VerifiedToken): FoundInView | undefined;
  /**
   * The epoch in which the records may be read, if any. Only a process that has lately reached the same Redis as all
   * the others has one: the records of another server may be old.
   */
  readonly readableEpoch: string | undefined;
  /** Reaches Redis now, where no heartbeat does so. Answers the readable epoch. Rejects with `SERVICE_UNAVAILABLE`. */
  readonly reach?: () => Promise<string | undefined>;
  readonly state: SourceState;
  /** Gives up the view and stops. */
  stop(): Promise<void>;
}

/** What metrics and health endpoints report. */
export interface SourceState {
  readonly isCurrent: boolean;
  /** Names in the view. */
  readonly size: number;
  /** Revocations that are published and not applied yet. */
  readonly lag: number;
  /** Whether Redis takes writes from this process; `undefined` without Redis. */
  readonly reachesRedis: boolean | undefined;
}

/** Knows nothing: for several processes on one Postgres without Redis, which cannot tell each other what they revoke. */
export const noSource: Source = {
  lookUp: () => undefined,
  knownRevocation: () => undefined,
  readableEpoch: undefined,
  state: { isCurrent: false, size: 0, lag: 0, reachesRedis: undefined },
  stop: () => Promise.resolve(),
};
