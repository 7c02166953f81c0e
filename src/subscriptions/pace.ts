import type { Clock } from '../core/clock';

/** ms */
const MINUTE = 60_000;

/**
 * Counts calls, and answers whether a call is one of the first `limit` of its minute. A minute begins with the first call,
 * and again with the first call after its end.
 */
export function createPace(limit: number, clock: Pick<Clock, 'monotonic'>): () => boolean {
  let beganAt = -Infinity;
  let count = 0;
  return () => {
    const now = clock.monotonic();
    if (now - beganAt >= MINUTE) {
      beganAt = now;
      count = 0;
    }
    count += 1;
    return count <= limit;
  };
}
