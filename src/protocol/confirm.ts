import { setTimeout as sleep } from 'node:timers/promises';
import { isUnavailable } from '../core/errors';
import { createLoop } from '../core/loop';
import type { ConfirmationWay, Metrics } from '../core/ports/metrics';
import type { Tables } from '../core/ports/truth';
import type { Confirmation } from '../core/receipt';
import type { LoggedRevocation } from '../core/revocation';

/** Publishes committed revocations, and says whether they are in force everywhere. Never throws. */
export type Confirm = (entries: readonly LoggedRevocation[]) => Promise<Confirmation>;

export interface ConfirmOptions {
  /** Brings them into force everywhere; see `Publish`. Without it, a committed revocation is confirmed. */
  readonly publish?: (entries: readonly LoggedRevocation[]) => Promise<ConfirmationWay>;
  /** Takes a revocation into the view of this process. */
  readonly take: (entry: LoggedRevocation) => void;
  readonly log: Pick<Tables['log'], 'markConfirmed' | 'areConfirmed'>;
  readonly metrics: Metrics;
  /** ms after which the caller is told that it is not confirmed yet */
  readonly patience: number;
}

/** ms after a failed publication until the next. */
const RETRY_INTERVAL = 200;

const UNREACHABLE =
  'Redis cannot be reached. The revocation is stored and will be published as soon as possible; ' +
  'until then a node that still reaches Redis may accept the token.';

const NOT_YET =
  'Not every node has confirmed the revocation in time. It is stored and will be confirmed; ' +
  'until then a node may accept the token.';

const UNEXPECTED =
  'An unexpected error kept the revocation from being published. It is stored and will be published again; ' +
  'until then a node may accept the token.';

/** Marks revocations as confirmed in the log, many in one statement. If that fails, a relay publishes them again. */
function createMark(log: ConfirmOptions['log']): (ids: readonly string[]) => void {
  let waiting: string[] = [];
  const loop = createLoop(async () => {
    const ids = waiting;
    waiting = [];
    await log.markConfirmed(ids).catch(() => undefined);
  });
  return (ids) => {
    waiting.push(...ids);
    loop.wake();
  };
}

export function createConfirm(options: ConfirmOptions): Confirm {
  const { publish, take, log, metrics, patience } = options;
  const mark = createMark(log);

  /** Whether another node has confirmed them: it may reach Redis when this one does not. */
  const confirmedByAnother = async (ids: string[]) => {
    try {
      return await log.areConfirmed(ids);
    } catch {
      return false;
    }
  };

  return async (entries) => {
    // In force in this process at once, whatever happens next.
    for (const entry of entries) take(entry);
    if (entries.length === 0) return { confirmed: true };
    const startedAt = performance.now();
    const confirmed = (way: ConfirmationWay): Confirmation => {
      metrics.confirmed(way, performance.now() - startedAt);
      return { confirmed: true };
    };
    const unconfirmed = (reason: string): Confirmation => {
      metrics.unconfirmed();
      return { confirmed: false, reason };
    };
    if (!publish) return confirmed('committed');

    const ids = entries.map(({ id }) => id);
    const deadline = startedAt + patience;
    const inTime = <T>(work: Promise<T>): Promise<T | undefined> =>
      Promise.race([work, sleep(Math.max(0, deadline - performance.now()), undefined, { ref: false })]);
    const publishAndMark = async () => {
      const way = await publish(entries);
      mark(ids);
      return way;
    };
    for (;;) {
      try {
        const way = await inTime(publishAndMark());
        return way ? confirmed(way) : unconfirmed(NOT_YET);
      } catch (error) {
        if (!isUnavailable(error)) return unconfirmed(UNEXPECTED);
      }
      if (await inTime(confirmedByAnother(ids))) return confirmed('elsewhere');
      if (performance.now() + RETRY_INTERVAL > deadline) return unconfirmed(UNREACHABLE);
      await sleep(RETRY_INTERVAL);
    }
  };
}
