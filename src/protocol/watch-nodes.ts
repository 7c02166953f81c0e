import { setTimeout as sleep } from 'node:timers/promises';
import { createLoop } from '../core/loop';
import type { Clock } from '../core/clock';
import type { LogStream, Nodes, Publication } from '../core/ports/log-stream';
import type { KnownEpoch } from './epoch';

/** How a revocation came into force everywhere: every node has applied it, or every earlier lease is over. */
export type Way = 'applied' | 'outwaited';

/** A publication that is not confirmed yet. Exactly one of the three is called, once. */
export interface PendingPublication {
  readonly publication: Publication;
  /** When the publication was answered, by the monotonic clock. */
  readonly answeredAt: number;
  readonly confirm: (way: Way) => void;
  /** Redis cannot be reached. */
  readonly fail: (error: unknown) => void;
  /** Its epoch has ended, and the publication is gone with it. */
  readonly repeat: () => void;
}

export interface WatchNodesOptions {
  readonly stream: Pick<LogStream, 'nodes' | 'remove'>;
  readonly epoch: KnownEpoch;
  /** ms after which every lease that was granted before has ended: see `outlasting` */
  readonly wait: number;
  readonly clock: Clock;
}

/** ms between two looks at the nodes: the first, and the longest. */
const FIRST_LOOK = 1;
const LONGEST_LOOK = 20;

interface Waiting extends PendingPublication {
  /**
   * The nodes that were registered at the publication, and were not seen at its position yet. Each look asks for these
   * only. A node that was seen there, or is not registered any more, need not be asked again:
   *
   * - A node that has applied the revocation keeps it, until it gives up its view and joins again.
   * - A node that is not registered has given up its view, or was silent for longer than its lease.
   * - In both cases, and at first, it registers with a heartbeat. One that comes after the publication is answered a tail
   *   of at least this position. It makes a view current only when that tail was applied, and with it the revocation.
   */
  readonly lagging: Set<string>;
}

/** Names the nodes that lag behind at least one of the publications. */
const laggingBehind = (waiting: readonly Waiting[]) => [
  ...new Set(waiting.flatMap(({ lagging }) => [...lagging])),
];

/** Takes from `lagging` the nodes that need not be asked again. */
function settleNodes({ publication, lagging }: Waiting, nodes: Nodes): void {
  for (const name of lagging) {
    const node = nodes.get(name);
    if (!node || node.position >= publication.position) lagging.delete(name);
  }
}

/**
 * The nodes that have sent no heartbeat since the publication, each with its last one. After the wait, their leases are
 * over. A silent node has not moved, so it lags.
 */
const silentSince = ({ publication, lagging }: Waiting, nodes: Nodes): [string, string][] =>
  [...lagging].flatMap((name) => {
    const beat = nodes.get(name)?.beat;
    return beat !== undefined && beat === publication.nodes.get(name)?.beat ? [[name, beat]] : [];
  });

/** Looks at the nodes that lag until every publication is confirmed. Answers the function that adds a publication. */
export function createWatchNodes(options: WatchNodesOptions): (publication: PendingPublication) => void {
  const { stream, epoch, wait, clock } = options;
  let pending: Waiting[] = [];

  const settle = (settled: readonly Waiting[]) => {
    pending = pending.filter((other) => !settled.includes(other));
  };

  /** Looks at the nodes once, and confirms what can be confirmed. */
  const look = async (epochId: string, waiting: readonly Waiting[]) => {
    // Stamped before the nodes are read: only then does the answer prove that the epoch has outlived the wait.
    const askedAt = clock.monotonic();
    const nodes = await stream.nodes(epochId, laggingBehind(waiting));
    if (nodes === 'STALE') {
      // The publication is gone with its epoch. A node that joins the next epoch from now on loads the revocation from
      // Postgres. One that has joined it already may have loaded the log before the commit.
      epoch.ended(epochId);
      settle(waiting);
      for (const { repeat } of waiting) repeat();
      return;
    }
    // Nodes of the epoch before are not registered in this one. Once it has been known for the wait, their views are
    // not current any more.
    const isSettled = epoch.isKnownFor(epochId, wait);
    const silent = new Map<string, string>();
    for (const each of waiting) {
      settleNodes(each, nodes);
      const isFast = isSettled && each.lagging.size === 0;
      const isSlow = askedAt - each.answeredAt >= wait;
      if (!isFast && !isSlow) continue;
      if (!isFast) for (const [node, beat] of silentSince(each, nodes)) silent.set(node, beat);
      settle([each]);
      each.confirm(isFast ? 'applied' : 'outwaited');
    }
    // So a node that is gone delays only the first revocation.
    if (silent.size > 0) await stream.remove(epochId, silent).catch(() => undefined);
  };

  const loop = createLoop(async () => {
    for (let first = pending[0]; first; first = pending[0]) {
      const { epochId } = first.publication;
      const waiting = pending.filter(({ publication }) => publication.epochId === epochId);
      try {
        await look(epochId, waiting);
      } catch (error) {
        settle(waiting);
        for (const { fail } of waiting) fail(error);
      }
      const age = clock.monotonic() - first.answeredAt;
      if (pending.length > 0) await sleep(Math.min(LONGEST_LOOK, FIRST_LOOK + age / 10));
    }
  });

  return (added) => {
    pending.push({ ...added, lagging: new Set(added.publication.nodes.keys()) });
    loop.wake();
  };
}
