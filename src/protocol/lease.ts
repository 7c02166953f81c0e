import { type Clock, elapsedSince, type Moment } from '../core/clock';

/**
 * Permits a process to rely on something for a bounded time. It ends by itself: each use compares it with the clock, since
 * a timer may fire too late after a pause of the process.
 */
export interface Lease {
  readonly holds: boolean;
  /** ms until it ends; 0 if it does not hold. */
  readonly left: number;
  /** @param sentAt the moment *before* the request was sent that is now answered: the answer may have taken long */
  renew(sentAt: Moment): void;
  end(): void;
}

/** @param length answers the length in ms; it is asked each time, since a service learns it later */
export function createLease(length: () => number, clock: Clock): Lease {
  let since: Moment | undefined;
  return {
    get holds() {
      return since !== undefined && elapsedSince(since, clock) < length();
    },
    get left() {
      return since === undefined ? 0 : Math.max(0, length() - elapsedSince(since, clock));
    },
    renew(sentAt) {
      if (since === undefined || sentAt.monotonic > since.monotonic) since = sentAt;
    },
    end() {
      since = undefined;
    },
  };
}

/** ms to wait beyond the lease, besides the difference of the clocks' rates. */
const MARGIN = 25;

/**
 * Answers the ms after which every lease of `length` that was granted before has ended, by any holder's clock: the clocks
 * of sound machines run at rates that differ by at most 1 %.
 */
export const outlasting = (length: number): number => length * 1.01 + MARGIN;
