import { overloaded } from './errors';

/** Runs work when a slot is free. Throws `SERVICE_UNAVAILABLE` if none becomes free in time. */
export type InSlot = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Creates slots, which are given in the order in which they were asked for.
 *
 * @param count how much work may run at once
 * @param patience ms that a caller waits for a slot
 */
export function createSlots(count: number, patience: number): InSlot {
  const waiting = new Set<() => void>();
  let free = count;

  const take = (): Promise<void> | undefined => {
    if (free > 0) {
      free--;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const begin = () => {
        clearTimeout(timer);
        waiting.delete(begin);
        resolve();
      };
      const timer = setTimeout(() => {
        waiting.delete(begin);
        reject(overloaded(1));
      }, patience);
      waiting.add(begin);
    });
  };

  return async (work) => {
    await take();
    try {
      return await work();
    } finally {
      const [next] = waiting;
      if (next) next();
      else free++;
    }
  };
}
