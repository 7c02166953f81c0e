import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/clock';
import { serviceUnavailable } from '../core/errors';
import type { LogStream, Nodes, Publication } from '../core/ports/log-stream';
import type { LoggedRevocation } from '../core/revocation';
import type { KnownEpoch } from './epoch';

/**
 * Publishes committed revocations. Resolves once they are in force everywhere: in Redis, and in every view that is
 * current. `applied`: every registered node has applied them (fast). `outwaited`: every earlier lease is over (slow).
 *
 * Rejects with `SERVICE_UNAVAILABLE` when Redis cannot be reached. Then some of them may be in force. Publishing them
 * again does no harm.
 */
export type Publish = (entries: readonly LoggedRevocation[]) => Promise<'applied' | 'outwaited'>;

export interface PublishOptions {
  readonly stream: Pick<LogStream, 'publish' | 'nodes' | 'remove'>;
  readonly epoch: KnownEpoch;
  /** ms after which every lease that was granted before has ended: see `outlasting` */
  readonly wait: number;
  readonly clock: Clock;
}

/** Revocations in one publication. */
const MOST = 200;

/** Epochs that may end under a publication before Redis is called unavailable. */
const ATTEMPTS = 3;

/** ms between two looks at the nodes: the first, and the longest. */
const FIRST_LOOK = 1;
const LONGEST_LOOK = 20;

/** One call of `Publish`, which waits. */
interface Call {
  readonly entries: readonly LoggedRevocation[];
  readonly resolve: (way: 'applied' | 'outwaited') => void;
  readonly reject: (error: unknown) => void;
}

/** A publication that is not confirmed yet, and the calls that wait for it. */
interface PendingPublication {
  readonly calls: readonly Call[];
  readonly publication: Publication;
  /** When the publication was answered, by the monotonic clock. */
  readonly answeredAt: number;
}

const haveApplied = (nodes: Nodes, position: number) =>
  [...nodes.values()].every((node) => node.position >= position);

/** The nodes that have sent no heartbeat in between, each with its last one. After the wait, their leases are over. */
function silentSince(before: Nodes, now: Nodes): Map<string, string> {
  const silent = [...now].filter(([node, { beat }]) => before.get(node)?.beat === beat);
  return new Map(silent.map(([node, { beat }]) => [node, beat]));
}

export function createPublish({ stream, epoch, wait, clock }: PublishOptions): Publish {
  const queue: Call[] = [];
  let sending = false;
  let pending: PendingPublication[] = [];
  let watching = false;

  const publish = async (entries: readonly LoggedRevocation[]): Promise<Publication> => {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { id } = await epoch.get();
      const publication = await stream.publish(id, entries);
      if (publication !== 'STALE') return publication;
      epoch.ended(id);
    }
    throw serviceUnavailable(new Error('Redis keeps losing its data'));
  };

  const nextCalls = () => {
    let count = 0;
    const end = queue.findIndex(({ entries }) => (count += entries.length) > MOST);
    // At least one call, however large it is.
    return queue.splice(0, end === -1 ? queue.length : Math.max(1, end));
  };

  /** Publishes the queue, one publication at a time. Calls that come meanwhile share the next one. */
  const send = async () => {
    if (sending) return;
    sending = true;
    while (queue.length > 0) {
      const calls = nextCalls();
      try {
        const publication = await publish(calls.flatMap(({ entries }) => entries));
        pending.push({ calls, publication, answeredAt: clock.monotonic() });
        void watch();
      } catch (error) {
        for (const call of calls) call.reject(error);
      }
    }
    sending = false;
  };

  const publishAgain = (waiting: readonly PendingPublication[]) => {
    pending = pending.filter((other) => !waiting.includes(other));
    queue.push(...waiting.flatMap(({ calls }) => calls));
    void send();
  };

  /** Looks at the nodes once, and confirms what can be confirmed. */
  const look = async (epochId: string, waiting: readonly PendingPublication[]) => {
    // Stamped before the nodes are read: only then does the answer prove that the epoch has outlived the wait.
    const askedAt = clock.monotonic();
    const nodes = await stream.nodes(epochId);
    if (nodes === 'STALE') {
      // The publication is gone with its epoch. A node that joins the next epoch from now on loads the revocation from
      // Postgres. One that has joined it already may have loaded the log before the commit.
      epoch.ended(epochId);
      publishAgain(waiting);
      return;
    }
    // Nodes of the epoch before are not registered in this one. Once it has been known for the wait, their views are
    // not current any more.
    const isSettled = epoch.isKnownFor(epochId, wait);
    const silent = new Map<string, string>();
    for (const each of waiting) {
      const { publication, calls } = each;
      const isFast = isSettled && haveApplied(nodes, publication.position);
      const isSlow = askedAt - each.answeredAt >= wait;
      if (!isFast && !isSlow) continue;
      if (!isFast) for (const [node, beat] of silentSince(publication.nodes, nodes)) silent.set(node, beat);
      pending = pending.filter((other) => other !== each);
      for (const call of calls) call.resolve(isFast ? 'applied' : 'outwaited');
    }
    // So a node that is gone delays only the first revocation.
    if (silent.size > 0) await stream.remove(epochId, silent).catch(() => undefined);
  };

  const watch = async () => {
    if (watching) return;
    watching = true;
    for (let first = pending[0]; first; first = pending[0]) {
      const { epochId } = first.publication;
      const waiting = pending.filter(({ publication }) => publication.epochId === epochId);
      try {
        await look(epochId, waiting);
      } catch (error) {
        pending = pending.filter((other) => !waiting.includes(other));
        for (const call of waiting.flatMap(({ calls }) => calls)) call.reject(error);
      }
      const age = clock.monotonic() - first.answeredAt;
      if (pending.length > 0) await sleep(Math.min(LONGEST_LOOK, FIRST_LOOK + age / 10));
    }
    watching = false;
  };

  return (entries) =>
    new Promise((resolve, reject) => {
      queue.push({ entries, resolve, reject });
      void send();
    });
}
