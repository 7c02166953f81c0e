import { type Clock, elapsedSince, momentOf, systemClock } from './clock';

/**
 * Notices a rest: nothing was used for a while, or this process or its machine was suspended. Meanwhile a network may have
 * forgotten a connection without telling either side.
 */
export interface RestWatch {
  /** Whether it is resting for too long now, or did until just now. */
  readonly hasRested: boolean;
  /** Ends the rest. */
  used(): void;
}

/** @param longest ms without a use that are not too long yet, by either clock */
export function watchRests(longest: number, clock: Clock = systemClock): RestWatch {
  let last = momentOf(clock);
  return {
    get hasRested() {
      return elapsedSince(last, clock) > longest;
    },
    used() {
      last = momentOf(clock);
    },
  };
}
