import { setImmediate as turn } from 'node:timers/promises';

/** The weight of the items that are worked on in one go. */
const AT_ONCE = 200;

/**
 * Runs `work` for each item: for the first ones at once, and when there are very many, for the rest in parts between which
 * others get their turn.
 *
 * @param weightOf how much work an item is, where they differ
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
 * Runs `work` every `interval` ms, never twice at a time and never keeping the process alive. Answers the function that
 * stops it and resolves when what is under way has ended.
 *
 * @param work tells of its own faults: that it fails ends neither the process nor what comes after
 * @param first ms until the first time, if that is to be sooner
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
