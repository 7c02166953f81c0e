/** Where the time comes from. Handed in everywhere, so that a test can hold it still. */
export interface Clock {
  /** Wall-clock time in ms since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
