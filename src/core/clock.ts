/** Where the time comes from. Handed in everywhere, so that a test can hold it still. */
export interface Clock {
  /** Wall-clock time in ms since the Unix epoch. */
  now(): number;
  /** ms since some moment of no meaning: never set back, but it may stand still while the machine sleeps. */
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
 * ms since that moment, never too few: the monotonic clock may have stood still in a sleeping machine, the wall clock may
 * have been set back, so the one that went further is right.
 */
export const elapsedSince = (moment: Moment, clock: Clock): number =>
  Math.max(clock.monotonic() - moment.monotonic, clock.now() - moment.wall);
