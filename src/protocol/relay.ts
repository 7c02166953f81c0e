import { background } from '../core/background';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { ViewSource } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import { every } from '../core/loop';
import type { Publish } from './publish';
import type { RecordsGate } from './records-gate';

/** ms between two looks. */
const INTERVAL = 500;

/** ms for which a revocation is left to the node that made it. */
const MIN_AGE = 400;

/** Revocations that are relayed together. */
const BATCH = 200;

export interface RelayOptions {
  readonly truth: Pick<Truth, 'relay' | 'log'>;
  readonly publish: Publish;
  readonly source: Pick<ViewSource, 'state'>;
  readonly gate: RecordsGate;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/**
 * Publishes what was committed and never confirmed: by another node, or by this one before a restart. Every node runs a
 * relay, and skips the rows that another one holds. The relay also opens the records gate, once Redis takes writes and
 * holds everything that had been revoked until then.
 *
 * Answers the function that stops it, which resolves when the work under way has ended.
 */
export function startRelay(options: RelayOptions): () => Promise<void> {
  const { truth, publish, source, gate, metrics, logger } = options;

  const publishBacklog = async (minAge: number) => {
    let count: number;
    do {
      count = await truth.relay(BATCH, minAge, async (entries) => {
        await publish(entries);
      });
      // Younger ones may be under way by their own node: they were not left behind.
      if (minAge < MIN_AGE) continue;
      metrics.relayed(count);
      if (count > 0) logger.info({ count }, 'Published revocations that had been left unconfirmed.');
    } while (count === BATCH);
  };

  const look = async () => {
    if (!source.state.reachesRedis) return;
    if (gate.isOpen) {
      await publishBacklog(MIN_AGE);
      return;
    }
    const { closures } = gate;
    const backlog = await truth.log.unconfirmedIds();
    await publishBacklog(MIN_AGE);
    await publishBacklog(0);
    // Another relay may hold some of them, or Redis was away again meanwhile. Then the next look tries again.
    if ((await truth.log.areConfirmed(backlog)) && gate.closures === closures) gate.open();
  };

  return every(INTERVAL, background(logger, 'Unexpected error in the relay of revocations.', look), 0);
}
