import { fault, type Finding, well } from './finding';

/**
 * Compares a store's clock with this machine's.
 *
 * @param read reads the store's time, ms since the epoch
 * @param allowed ms; CLOCK_SKEW
 */
export async function compareClock(
  store: string,
  read: () => Promise<number>,
  allowed: number,
  now: () => number = Date.now,
): Promise<Finding> {
  const before = now();
  const theirs = await read();
  const after = now();
  // The store read its clock at some moment between these two. Only a time outside of them is a difference.
  const difference = theirs < before ? theirs - before : Math.max(0, theirs - after);
  const words = `${Math.abs(Math.round(difference))} ms ${difference < 0 ? 'behind' : 'ahead of'} this machine`;
  if (Math.abs(difference) <= allowed) return well('Clock', `the clock of ${store} is ${words}.`);
  return fault(
    'Clock',
    `the clock of ${store} is ${words}, more than CLOCK_SKEW (${allowed} ms). Synchronize both with NTP.`,
  );
}
