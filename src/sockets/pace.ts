import type { Clock } from '../core/clock';

/** ms */
const MINUTE = 60_000;

/**
 * Counts by the minute, and answers of each call whether it is within `most`. The first call begins a minute, and so
 * does the first one after its end.
 */
export function createPace(most: number, clock: Pick<Clock, 'monotonic'>): () => boolean {
  let beganAt = -Infinity;
  let count = 0;
  return () => {
    const now = clock.monotonic();
    if (now - beganAt >= MINUTE) {
      beganAt = now;
      count = 0;
    }
    count += 1;
    return count <= most;
  };
}
