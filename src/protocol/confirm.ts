import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../core/errors';
import type { Metrics } from '../core/ports/metrics';
import type { Tables } from '../core/ports/truth';
import type { Confirmation } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';
import type { Carrier } from './publish';

/** Carries committed revocations to the copies, and tells whether they are in force everywhere. Never throws. */
export type Deliver = (entries: readonly LoggedRevocation[]) => Promise<Confirmation>;

export interface DeliveryOptions {
  /** How the copies are reached; without copies, to be committed is to be confirmed. */
  readonly carrier?: Carrier;
  /** Takes a revocation into the view of this process. */
  readonly take: (entry: LoggedRevocation) => void;
  readonly log: Pick<Tables['log'], 'markConfirmed' | 'areConfirmed'>;
  readonly metrics: Metrics;
  /** ms after which the caller is told that it is not confirmed yet. */
  readonly patience: number;
}

const RETRY_INTERVAL = 200;

const UNREACHABLE =
  'Redis cannot be reached. The revocation is stored and will be delivered as soon as possible; ' +
  'until then a node that still reaches Redis may accept the token.';

const NOT_YET =
  'Not every node has confirmed it in time. The revocation is stored and will be delivered; ' +
  'until then a node may accept the token.';

const UNFORESEEN = 'An unexpected fault kept it from being delivered. It is stored and will be tried again.';

/** Notes in the log what has been confirmed, many at a time. Should that fail, a relay delivers them once more. */
function createMarker(log: DeliveryOptions['log']): (ids: readonly string[]) => void {
  let waiting: string[] = [];
  let marking = false;
  const mark = async () => {
    if (marking) return;
    marking = true;
    while (waiting.length > 0) {
      const ids = waiting;
      waiting = [];
      await log.markConfirmed(ids).catch(() => undefined);
    }
    marking = false;
  };
  return (ids) => {
    waiting.push(...ids);
    void mark();
  };
}

export function createDelivery(options: DeliveryOptions): Deliver {
  const { carrier, take, log, metrics, patience } = options;
  const mark = createMarker(log);

  /** Whether another node has done it; one that reaches Redis when we do not. */
  const doneByAnother = async (ids: string[]) => {
    try {
      return await log.areConfirmed(ids);
    } catch {
      return false;
    }
  };

  return async (entries) => {
    // Here at once, whatever becomes of the rest.
    for (const entry of entries) take(entry);
    if (entries.length === 0) return { confirmed: true };
    const startedAt = performance.now();
    const confirmed = (way: Parameters<Metrics['confirmed']>[0]): Confirmation => {
      metrics.confirmed(way, performance.now() - startedAt);
      return { confirmed: true };
    };
    const unconfirmed = (reason: string): Confirmation => {
      metrics.unconfirmed();
      return { confirmed: false, reason };
    };
    if (!carrier) return confirmed('committed');

    const ids = entries.map(({ id }) => id);
    const deadline = startedAt + patience;
    const inTime = <T>(work: Promise<T>): Promise<T | undefined> =>
      Promise.race([work, sleep(Math.max(0, deadline - performance.now()), undefined, { ref: false })]);
    const carry = async () => {
      const way = await carrier.carry(entries);
      mark(ids);
      return way;
    };
    for (;;) {
      try {
        const way = await inTime(carry());
        return way ? confirmed(way) : unconfirmed(NOT_YET);
      } catch (error) {
        if (!isUnavailable(error)) return unconfirmed(UNFORESEEN);
      }
      if (await inTime(doneByAnother(ids))) return confirmed('elsewhere');
      if (performance.now() + RETRY_INTERVAL > deadline) return unconfirmed(UNREACHABLE);
      await sleep(RETRY_INTERVAL);
    }
  };
}
