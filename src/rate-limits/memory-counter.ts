import { LRUCache } from 'lru-cache';
import type { Clock } from '../core/clock';
import type { Limit } from './limits';

/** Keys that one limit counts at once. Anybody can make new ones, so the least recently used one is dropped. */
const MOST_KEYS = 100_000;

interface Window {
  count: number;
  /** ms, by the monotonic clock. */
  readonly endsAt: number;
}

/** Counters by key in this process. */
export interface MemoryCounter {
  /** Counts one. Returns the ms to wait if the limit was exceeded, otherwise `undefined`. */
  take(key: string): number | undefined;
  /** Returns what `take` would return, without counting. */
  wouldWait(key: string): number | undefined;
  giveBack(key: string): void;
}

export function createMemoryCounter({ points, duration }: Limit, clock: Clock): MemoryCounter {
  const windows = new LRUCache<string, Window>({ max: MOST_KEYS });
  const current = (key: string): Window | undefined => {
    const window = windows.get(key);
    return window && clock.monotonic() < window.endsAt ? window : undefined;
  };
  const waitAt = ({ count, endsAt }: Window) => (count > points ? endsAt - clock.monotonic() : undefined);

  return {
    take(key) {
      const window = current(key) ?? { count: 0, endsAt: clock.monotonic() + duration * 1000 };
      window.count += 1;
      windows.set(key, window);
      return waitAt(window);
    },
    wouldWait(key) {
      const window = current(key);
      return window && waitAt({ ...window, count: window.count + 1 });
    },
    giveBack(key) {
      const window = current(key);
      if (window && window.count > 0) window.count -= 1;
    },
  };
}
