/** The source of time. It is passed in everywhere, so that a test can stop it. */
export interface Clock {
  /** Wall-clock time in ms since the Unix epoch. */
  now(): number;
  /** ms since an arbitrary moment. Never goes back, but may stop while the machine sleeps. */
  monotonic(): number;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A moment in this process, by both clocks. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export const momentOf = (clock: Clock): Moment => ({ wall: clock.now(), monotonic: clock.monotonic() });

/**
 * Returns the ms since that moment, never too few. The monotonic clock may have stopped while the machine slept, and
 * the wall clock may have been set back, so the larger difference is the right one.
 */
export const elapsedSince = (moment: Moment, clock: Clock): number =>
  Math.max(clock.monotonic() - moment.monotonic, clock.now() - moment.wall);
