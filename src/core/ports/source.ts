import type { VerifiedToken } from '../claims';
import type { FoundInView } from '../decision';

/** What feeds the view of a process, and so knows when the view may be asked. */
export interface Feed {
  /** What the view says on a token; `undefined` when it is not current, or does not cover so long a token. */
  lookUp(token: VerifiedToken): FoundInView | undefined;
  /**
   * The same from a view that may not be current: what it names is revoked all the same, but that it names nothing means
   * nothing.
   */
  hearsay(token: VerifiedToken): FoundInView | undefined;
  /**
   * The epoch in which the records may be read, if any: a process that has not proved lately that it reaches the
   * same Redis as all the others could read what is old.
   */
  readonly readableEpoch: string | undefined;
  /** Proves it now, for a feed that does so only when it is asked. Rejects with `SERVICE_UNAVAILABLE`. */
  readonly reach?: () => Promise<string | undefined>;
  readonly state: FeedState;
  /** Gives the view up and stops. */
  stop(): Promise<void>;
}

/** For those who watch over the process. */
export interface FeedState {
  readonly isCurrent: boolean;
  /** Names in the view. */
  readonly size: number;
  /** Revocations that are known to be published and not applied yet. */
  readonly lag: number;
  /** Whether Redis takes our writes: `undefined` where there is none. */
  readonly reachesRedis: boolean | undefined;
}

/** For several processes on one Postgres without Redis: nobody tells this one what the others revoke. */
export const noFeed: Feed = {
  lookUp: () => undefined,
  hearsay: () => undefined,
  readableEpoch: undefined,
  state: { isCurrent: false, size: 0, lag: 0, reachesRedis: undefined },
  stop: () => Promise.resolve(),
};
