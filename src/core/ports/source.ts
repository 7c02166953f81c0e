import type { VerifiedToken } from '../claims';
import type { FoundInStaleView, FoundInView, Known } from '../decision';
import type { CheckStep } from './metrics';
import type { FillTicket } from './records';

/** One check of one token, handed from source to source. */
export interface Question {
  readonly token: VerifiedToken;
  /** The token as it was presented. */
  readonly text: string;
  /** Set by the records where one is missing: it permits the truth to fill it. */
  ticket: FillTicket | undefined;
}

/** A store that may know whether a token was revoked. A check asks its sources in order, until one can tell. */
export interface Source {
  readonly step: CheckStep;
  /**
   * What it knows about the token; `undefined` when it cannot tell now. The last source of a check rejects with
   * `SERVICE_UNAVAILABLE` instead.
   */
  find(question: Question): Known | undefined | Promise<Known | undefined>;
}

/** The view of this process, and the upkeep that knows whether it is current. Answers synchronously. */
export interface ViewSource extends Source {
  find(question: Pick<Question, 'token'>): FoundInView | FoundInStaleView | undefined;
  /**
   * The epoch in which the records may be read, if any. Only a process that has lately reached the same Redis as all
   * the others has one: the records of another server may be old.
   */
  readonly readableEpoch: string | undefined;
  /** Reaches Redis now, where no heartbeat does so. Answers the readable epoch. Rejects with `SERVICE_UNAVAILABLE`. */
  readonly reach?: () => Promise<string | undefined>;
  /**
   * Waits until the view is current again, for at most `patience` ms, if this process was suspended and its heartbeat comes
   * late. Else it resolves at once.
   */
  readonly resume?: (patience: number) => Promise<void>;
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

/** The state of a process that keeps no view and has no Redis. */
export const NO_VIEW: Pick<ViewSource, 'state' | 'readableEpoch'> = {
  readableEpoch: undefined,
  state: { isCurrent: false, size: 0, lag: 0, reachesRedis: undefined },
};

/** What a view that is not current still proves. */
export const stale = (found: FoundInView | undefined): FoundInStaleView | undefined =>
  found && { ...found, from: 'stale view' };
