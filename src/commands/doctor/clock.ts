import { systemClock } from '../../core/clock';
import { measureOffset } from '../../server/clock-watch';
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
  clock = systemClock,
): Promise<Finding> {
  const { offset, uncertainty } = await measureOffset(read, clock);
  const difference = Math.max(0, Math.abs(offset) - uncertainty);
  const words = `${Math.round(difference)} ms ${offset > 0 ? 'behind' : 'ahead of'} this machine`;
  if (difference <= allowed) return well('Clock', `the clock of ${store} is ${words}.`);
  return fault(
    'Clock',
    `the clock of ${store} is ${words}, more than CLOCK_SKEW (${allowed} ms). Synchronize both with NTP.`,
  );
}
