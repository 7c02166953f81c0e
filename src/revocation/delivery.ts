import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../core/errors';
import type { Publisher } from '../core/ports/records';
import type { Tables } from '../core/ports/truth';
import type { Confirmation } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';

/** Carries committed revocations to the copies, and tells whether they are in force everywhere. Never throws. */
export type Deliver = (entries: readonly LoggedRevocation[]) => Promise<Confirmation>;

export interface DeliveryOptions {
  /** How the copies are reached; without copies, to be committed is to be confirmed. */
  readonly publisher?: Publisher;
  readonly log: Pick<Tables['log'], 'markConfirmed' | 'areConfirmed'>;
  /** ms after which the caller is told that it is not confirmed yet. */
  readonly patience: number;
}

const RETRY_INTERVAL = 200;

const UNREACHABLE =
  'Redis cannot be reached. The revocation is stored and will be delivered as soon as possible; ' +
  'until then a node that still reaches Redis may accept the token.';

export function createDelivery({ publisher, log, patience }: DeliveryOptions): Deliver {
  /** Resolves when another node's relay has done it; one that reaches Redis when we do not. */
  const doneByAnother = async (ids: string[]) => {
    try {
      return await log.areConfirmed(ids);
    } catch {
      return false;
    }
  };

  return async (entries) => {
    if (!publisher || entries.length === 0) return { confirmed: true };
    const ids = entries.map(({ id }) => id);
    const deadline = performance.now() + patience;
    for (;;) {
      try {
        await publisher.publish(entries);
        // Should this fail, then a relay publishes them once more, which does no harm.
        await log.markConfirmed(ids).catch(() => undefined);
        return { confirmed: true };
      } catch (error) {
        if (!isUnavailable(error))
          return {
            confirmed: false,
            reason: 'An unexpected fault kept it from being delivered. It is stored and will be tried again.',
          };
      }
      const left = Math.max(0, deadline - performance.now());
      if (await Promise.race([doneByAnother(ids), sleep(left, false)])) return { confirmed: true };
      if (performance.now() + RETRY_INTERVAL > deadline) return { confirmed: false, reason: UNREACHABLE };
      await sleep(RETRY_INTERVAL);
    }
  };
}
