import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { Publisher } from '../core/ports/records';
import type { Truth } from '../core/ports/truth';
import { every } from '../core/schedule';

/** ms between two looks. */
const INTERVAL = 500;

/** ms that a revocation is left to the node that made it. */
const MIN_AGE = 400;

const BATCH = 200;

/**
 * Delivers what other nodes, or an earlier life of this one, committed and then could not deliver. Every node runs
 * one; rows that another relay has in hand are passed over. Answers the function that stops it, and resolves when what
 * is under way has ended.
 */
export function startRelay(
  truth: Pick<Truth, 'relay'>,
  publisher: Publisher,
  logger: Logger,
): () => Promise<void> {
  return every(INTERVAL, async () => {
    try {
      let count: number;
      do {
        count = await truth.relay(BATCH, MIN_AGE, (entries) => publisher.publish(entries));
        if (count > 0) logger.info({ count }, 'Delivered revocations that had been left behind.');
      } while (count === BATCH);
    } catch (error) {
      // A store is away: they lie safe, and the next look comes soon.
      if (!isUnavailable(error))
        logger.error({ err: error }, 'The relay of revocations met an unexpected fault.');
    }
  });
}
