import { type Clock, elapsedSince, type Moment } from '../core/clock';

/**
 * Leave to rely on something for a bounded time. It ends by itself: whoever relies on it compares it with the clock, as
 * after a pause of the process a timer may fire too late.
 */
export interface Lease {
  readonly holds: boolean;
  /** @param sentAt the moment *before* the request was sent whose answer permits this: the answer may have been long under way */
  renew(sentAt: Moment): void;
  end(): void;
}

/** @param length ms, as it is known when it is asked for */
export function createLease(length: () => number, clock: Clock): Lease {
  let since: Moment | undefined;
  return {
    get holds() {
      return since !== undefined && elapsedSince(since, clock) < length();
    },
    renew(sentAt) {
      if (since === undefined || sentAt.monotonic > since.monotonic) since = sentAt;
    },
    end() {
      since = undefined;
    },
  };
}

/** ms that a waiter waits longer than a holder holds, beside the difference of their clocks' rates. */
const MARGIN = 25;

/**
 * ms after which every lease of `length` has ended that was granted before, whatever the holder's clock: clocks of
 * sound machines run at rates that differ by less than a percent.
 */
export const outlasting = (length: number): number => length * 1.01 + MARGIN;
