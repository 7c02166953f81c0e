/** Tells the time and runs timers. All times are in ms. */
export interface Clock {
  /** The wall clock. It may be wrong, and may be set. */
  now(): number;
  /** A clock that nobody sets. It may stand still while the device sleeps. */
  monotonic(): number;
  setTimeout(run: () => void, delay: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Makes a signal that aborts after the delay. */
  timeout(delay: number): AbortSignal | undefined;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout(run, delay) {
    const timer: unknown = setTimeout(run, delay);
    // In Node, our timer must not keep a script alive.
    (timer as { unref?: () => void }).unref?.();
    return timer;
  },
  clearTimeout: (timer) => clearTimeout(timer as Parameters<typeof clearTimeout>[0]),
  // React Native has none, and a deadline of its own.
  timeout: (delay) => (AbortSignal as Partial<typeof AbortSignal>).timeout?.(delay),
};

/** Starts to measure. One clock may be set back and the other stand still, so the larger time counts. */
export function stopwatch(clock: Clock): () => number {
  const [now, monotonic] = [clock.now(), clock.monotonic()];
  return () => Math.max(clock.now() - now, clock.monotonic() - monotonic);
}
