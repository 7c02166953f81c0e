import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { MOST_NAMES, type PartEntry } from '../core/follow-messages';
import type { FollowerLimits } from './limits';
import type { Wire } from './wire';

export interface SnapshotOptions {
  readonly wire: Pick<Wire, 'send' | 'drained' | 'cut' | 'isOpen'>;
  readonly entries: Iterable<PartEntry>;
  readonly limits: Pick<FollowerLimits, 'snapshotTimeout' | 'snapshotTimeoutPerName'>;
  /** Whether the follower still stands on this snapshot. */
  readonly isWanted: () => boolean;
}

/** Returns the next names, none at the end. */
function nextOf(iterator: Iterator<PartEntry>): PartEntry[] {
  const part: PartEntry[] = [];
  while (part.length < MOST_NAMES) {
    const next = iterator.next();
    if (next.done) break;
    part.push(next.value);
  }
  return part;
}

/**
 * Sends a view in parts, each in a turn of the event loop of its own. After each it pauses for as long as the part took, and
 * until the follower has read enough. A follower that reads too slowly is cut off.
 *
 * @returns whether all was sent
 */
export async function sendSnapshot({ wire, entries, limits, isWanted }: SnapshotOptions): Promise<boolean> {
  const iterator = entries[Symbol.iterator]();
  const beganAt = performance.now();
  let names = 0;
  let timer: NodeJS.Timeout | undefined;
  const allow = () => {
    clearTimeout(timer);
    const most = limits.snapshotTimeout + names * limits.snapshotTimeoutPerName;
    timer = setTimeout(() => wire.cut('TOO_SLOW'), beganAt + most - performance.now()).unref();
  };
  try {
    for (;;) {
      allow();
      const turnAt = performance.now();
      const part = nextOf(iterator);
      if (part.length === 0) return true;
      wire.send({ type: 'part', entries: part });
      names += part.length;
      const took = performance.now() - turnAt;
      await wire.drained();
      await (took < 1 ? turn() : sleep(took));
      if (!wire.isOpen || !isWanted()) return false;
    }
  } finally {
    clearTimeout(timer);
    iterator.return?.();
  }
}
