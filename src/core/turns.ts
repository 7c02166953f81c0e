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
