import type { Availability } from '../core/availability';
import { isUnavailable } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { Publisher, Reachable } from '../core/ports/records';
import type { Truth } from '../core/ports/truth';
import { every } from '../core/schedule';
import type { Trust } from './trust';

/** ms between two looks. */
const INTERVAL = 500;

/** ms that a revocation is left to the node that made it. */
const MIN_AGE = 400;

const BATCH = 200;

export interface RelayOptions {
  readonly truth: Pick<Truth, 'relay' | 'log'>;
  readonly copies: Publisher & Reachable;
  readonly trust: Trust;
  readonly availability: Availability;
  readonly logger: Logger;
}

export interface Relay {
  /** Looks once. Never throws. */
  look(): Promise<void>;
  /** Looks again and again. Answers the function that stops it, and resolves when what is under way has ended. */
  start(): () => Promise<void>;
}

/**
 * Delivers what other nodes, or an earlier life of this one, committed and then could not deliver. Every node runs
 * one; rows that another relay has in hand are passed over. It also restores the trust in the copies, when they take
 * writes and hold all that had been revoked until then.
 */
export function createRelay({ truth, copies, trust, availability, logger }: RelayOptions): Relay {
  /** Only a fault of the copies is one: while Postgres is away they are all that there is. */
  const ofCopies = async (work: Promise<void>) => {
    try {
      await work;
    } catch (error) {
      trust.lose();
      const { cause } = error as Error;
      availability.failed(cause instanceof Error ? cause.message : 'unknown');
      throw error;
    }
  };

  const deliverBacklog = async (minAge: number) => {
    let count: number;
    do {
      count = await truth.relay(BATCH, minAge, (entries) => ofCopies(copies.publish(entries)));
      if (count > 0) logger.info({ count }, 'Delivered revocations that had been left behind.');
    } while (count === BATCH);
  };

  const look = async () => {
    try {
      // A write: a server may answer and still refuse what it is there for.
      await ofCopies(copies.ping());
      availability.worked();
      if (trust.holds) {
        await deliverBacklog(MIN_AGE);
        return;
      }
      const since = trust.losses;
      const backlog = await truth.log.unconfirmedIds();
      await deliverBacklog(0);
      // Another relay may have some of them in hand; or the copies failed again meanwhile. Then the next look finds out.
      if ((await truth.log.areConfirmed(backlog)) && trust.losses === since) trust.gain();
    } catch (error) {
      // A store is away: the revocations lie safe, and the next look comes soon.
      if (!isUnavailable(error))
        logger.error({ err: error }, 'The relay of revocations met an unexpected fault.');
    }
  };

  return { look, start: () => every(INTERVAL, look) };
}
