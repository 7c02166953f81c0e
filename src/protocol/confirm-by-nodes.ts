import { setTimeout as sleep } from 'node:timers/promises';
import type { RevocationLog } from '../core/ports/truth';
import type { Confirm } from './confirm';

export interface ConfirmByNodesOptions {
  readonly log: Pick<RevocationLog, 'areConfirmed'>;
  /** ms for which the nodes are waited for: a relay looks every half second, and publishing may take a lease */
  readonly patience: number;
  /** Called if no node has confirmed them by then. */
  readonly otherwise: Confirm;
}

/** ms between two looks at the log. */
const LOOK_INTERVAL = 50;

/**
 * Confirms for a process that is not a node. It leaves what it has committed to the relays of the nodes, and reads in the
 * log whether one has confirmed it. Only the nodes know for sure which Redis they share.
 */
export function createConfirmByNodes({ log, patience, otherwise }: ConfirmByNodesOptions): Confirm {
  return async (entries) => {
    if (entries.length === 0) return { confirmed: true };
    const ids = entries.map(({ id }) => id);
    const deadline = performance.now() + patience;
    do {
      // While Postgres cannot be reached, nothing is known. It may be back within the deadline.
      if (await log.areConfirmed(ids).catch(() => false)) return { confirmed: true };
      await sleep(LOOK_INTERVAL);
    } while (performance.now() < deadline);
    return otherwise(entries);
  };
}
