import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

/** The most settings whose time is remembered. */
const MOST_SETTINGS = 32;

/** ms; settings that were not seen for so long are forgotten. */
const MEMORY = 24 * 60 * 60 * 1000;

/** The weight of the newest time in the mean. */
const NEWEST = 0.2;

/** A failed comparison takes this many times as long as the mean of the slowest settings: times vary. */
const MARGIN = 1.5;

/**
 * Makes every failed comparison take as long as one with the slowest hashes that were met lately. Imported hashes take
 * longer than ours. Without this, the time would tell which emails have an account that was imported.
 */
export class EvenOut {
  /** The mean time of each kind of imported hash, in ms. */
  private readonly means = new LRUCache<string, number>({ max: MOST_SETTINGS, ttl: MEMORY });

  /** @param time ms that a comparison took */
  note(settings: string, time: number): void {
    const before = this.means.get(settings) ?? time;
    this.means.set(settings, before + (time - before) * NEWEST);
  }

  /** Waits until a failure may be told. @param begun when the comparison began, by `performance.now()` */
  async wait(begun: number): Promise<void> {
    const slowest = Math.max(0, ...this.means.values());
    const left = begun + slowest * MARGIN - performance.now();
    if (left > 0) await sleep(left);
  }
}
