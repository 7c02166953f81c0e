import { abandoned, overloaded } from '../core/errors';
import { type Metrics, noMetrics } from '../core/ports/metrics';
import type { Asker } from '../core/ports/passwords';
import { FairLine } from './fair-line';

export interface HashQueueLimits {
  /** The most hashes that are computed at once. */
  readonly atOnce: number;
  /** The most callers that may wait. */
  readonly longestQueue: number;
  /** The most callers of one site that may wait. */
  readonly longestShare: number;
  /** ms; the longest time that a caller waits. */
  readonly longestWait: number;
}

/** A caller in line. Its turn rejects if it is refused. */
class Waiter {
  start!: () => void;
  refuse!: (error: Error) => void;
  readonly turn = new Promise<void>((resolve, reject) => {
    this.start = resolve;
    this.refuse = reject;
  });

  constructor(readonly site: string) {}
}

/** The metrics that the queue reports. */
export type HashMetrics = Pick<Metrics, 'hashesWaiting' | 'hashNotMade'>;

/** Runs `work` when it is the caller's turn. */
export type InTurn = <T>(work: () => Promise<T>, asker: Asker) => Promise<T>;

/**
 * Creates a queue whose callers take turns by site: see `FairLine`. A caller whose client disconnects leaves the queue;
 * its work is not done.
 *
 * Throws `SERVICE_UNAVAILABLE` with `retryAfter` for a caller that waits too long, or finds no room. If the queue is
 * full, the site with the most callers makes room for one with fewer.
 */
export function createHashQueue(limits: HashQueueLimits, metrics: HashMetrics = noMetrics): InTurn {
  const line = new FairLine<Waiter>();
  let running = 0;

  const refusal = () => {
    metrics.hashNotMade('refused');
    return overloaded(Math.ceil(limits.longestWait / 1000));
  };
  const gone = () => {
    metrics.hashNotMade('abandoned');
    return abandoned();
  };

  const startNext = () => {
    const next = running < limits.atOnce ? line.takeNext() : undefined;
    metrics.hashesWaiting(line.length);
    if (!next) return;
    running += 1;
    next.start();
  };

  const makeRoomFor = (site: string) => {
    const ownLength = line.lengthOf(site);
    if (ownLength >= limits.longestShare) throw refusal();
    if (line.length < limits.longestQueue) return;
    const last = line.takeLast(ownLength + 1);
    if (!last) throw refusal();
    last.refuse(refusal());
  };

  const myTurn = async ({ site, signal }: Asker) => {
    if (signal?.aborted) throw gone();
    makeRoomFor(site);
    const waiter = new Waiter(site);
    const giveUp = (fault: () => Error) => {
      if (!line.remove(waiter)) return;
      metrics.hashesWaiting(line.length);
      waiter.refuse(fault());
    };
    const onGone = () => giveUp(gone);
    const timer = setTimeout(giveUp, limits.longestWait, refusal).unref();
    signal?.addEventListener('abort', onGone);
    line.add(waiter);
    startNext();
    try {
      await waiter.turn;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onGone);
    }
  };

  return async (work, asker) => {
    await myTurn(asker);
    try {
      return await work();
    } finally {
      running -= 1;
      startNext();
    }
  };
}
