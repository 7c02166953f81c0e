import { setImmediate as turn } from 'node:timers/promises';

/** The weight of the items that are processed without a pause. */
const AT_ONCE = 200;

/**
 * Runs `work` for each item, and lets other work run after every few hundred.
 *
 * @param weightOf how much work an item is; 1 if left out
 */
export async function forEachInTurns<Item>(
  items: readonly Item[],
  work: (item: Item) => void,
  weightOf: (item: Item) => number = () => 1,
): Promise<void> {
  let weight = 0;
  for (const item of items) {
    if (weight >= AT_ONCE) {
      await turn();
      weight = 0;
    }
    weight += weightOf(item);
    work(item);
  }
}

/**
 * Runs `work` every `interval` ms, never twice at once, and does not keep the process alive. Returns a function that
 * stops it and resolves when a running call has ended.
 *
 * @param work handles its own errors; a rejection is ignored and the schedule continues
 * @param first ms until the first run
 */
export function every(interval: number, work: () => Promise<unknown>, first = interval): () => Promise<void> {
  let underWay: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout;
  const schedule = (delay: number) => {
    timer = setTimeout(() => {
      const again = () => {
        if (!stopped) schedule(interval);
      };
      underWay = new Promise((resolve) => resolve(work())).then(again, again);
    }, delay).unref();
  };
  schedule(first);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await underWay;
  };
}
