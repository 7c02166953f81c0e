import { fault, type Finding, well } from './finding';

/**
 * Compares a store's clock with that of this machine.
 *
 * @param read answers the store's time, ms since 1970
 * @param allowed ms; the CLOCK_SKEW
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
  // Any moment of the answer's way may be the one that was read: what lies within is no difference.
  const difference = theirs < before ? theirs - before : Math.max(0, theirs - after);
  const words = `${Math.abs(Math.round(difference))} ms ${difference < 0 ? 'behind' : 'ahead of'} this machine`;
  if (Math.abs(difference) <= allowed) return well('Clock', `that of ${store} is ${words}.`);
  return fault(
    'Clock',
    `that of ${store} is ${words}, more than CLOCK_SKEW (${allowed} ms). Set both machines by NTP.`,
  );
}
