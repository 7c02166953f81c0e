import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { Feed } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import { every } from '../core/schedule';
import type { Carrier } from './publish';
import type { Trust } from './records-gate';

/** ms between two looks. */
const INTERVAL = 500;

/** ms that a revocation is left to the node that made it. */
const MIN_AGE = 400;

const BATCH = 200;

export interface RelayOptions {
  readonly truth: Pick<Truth, 'relay' | 'log'>;
  readonly carrier: Carrier;
  readonly feed: Pick<Feed, 'state'>;
  readonly trust: Trust;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/**
 * Delivers what other nodes, or an earlier life of this one, committed and then could not deliver. Every node runs
 * one; rows that another relay has in hand are passed over. It also restores the trust in the records, when Redis takes
 * writes and holds all that had been revoked until then. Answers the function that stops it, and resolves when what is
 * under way has ended.
 */
export function startRelay({
  truth,
  carrier,
  feed,
  trust,
  metrics,
  logger,
}: RelayOptions): () => Promise<void> {
  const deliverBacklog = async (minAge: number) => {
    let count: number;
    do {
      count = await truth.relay(BATCH, minAge, async (entries) => {
        await carrier.carry(entries);
      });
      // Those that are younger may be under way by their own node: they were not left behind.
      if (minAge < MIN_AGE) continue;
      metrics.relayed(count);
      if (count > 0) logger.info({ count }, 'Delivered revocations that had been left behind.');
    } while (count === BATCH);
  };

  const look = async () => {
    if (!feed.state.reachesRedis) return;
    try {
      if (trust.holds) {
        await deliverBacklog(MIN_AGE);
        return;
      }
      const since = trust.losses;
      const backlog = await truth.log.unconfirmedIds();
      await deliverBacklog(MIN_AGE);
      await deliverBacklog(0);
      // Another relay may have some of them in hand; or Redis was away again meanwhile. Then the next look finds out.
      if ((await truth.log.areConfirmed(backlog)) && trust.losses === since) trust.gain();
    } catch (error) {
      // A store is away: the revocations lie safe, and the next look comes soon.
      if (!isUnavailable(error))
        logger.error({ err: error }, 'The relay of revocations met an unexpected fault.');
    }
  };

  return every(INTERVAL, look, 0);
}
