import { abandoned, overloaded } from '../core/errors';
import { type Metrics, noMetrics } from '../core/ports/metrics';
import type { Asker } from '../core/ports/passwords';

export interface HashQueueLimits {
  /** The most hashes that are computed at once. */
  readonly atOnce: number;
  /** The most callers that may wait. */
  readonly longestQueue: number;
  /** The most callers of one network that may wait. */
  readonly longestShare: number;
  /** ms; the longest time that a caller waits. */
  readonly longestWait: number;
}

interface Waiter {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

/** The metrics that the queue reports. */
export type HashMetrics = Pick<Metrics, 'hashesWaiting' | 'hashNotMade'>;

/** Runs `work` when it is the caller's turn. */
export type InTurn = <T>(work: () => Promise<T>, asker: Asker) => Promise<T>;

/**
 * Creates a queue that takes turns by network: a network with a hundred callers gets one turn for each turn of any
 * other network. Every second turn goes to the newest network that has had none yet, so that one user does not wait
 * behind very many networks. A caller whose client disconnects leaves the queue; its work is not done.
 *
 * Throws `SERVICE_UNAVAILABLE` with `retryAfter` for a caller that waits too long, or finds no room. If the queue is
 * full, the network with the most callers makes room for one with fewer.
 */
export function createHashQueue(limits: HashQueueLimits, metrics: HashMetrics = noMetrics): InTurn {
  /** The callers of each network in order of arrival. The networks are in the order of their next turn. */
  const shares = new Map<string, Set<Waiter>>();
  /** The networks that have had a turn since the queue was empty: at most the last `longestQueue` of them. */
  const served = new Set<string>();
  let newcomersTurn = false;
  let waiting = 0;
  let running = 0;

  const refusal = () => {
    metrics.hashNotMade('refused');
    return overloaded(Math.ceil(limits.longestWait / 1000));
  };
  const gone = () => {
    metrics.hashNotMade('abandoned');
    return abandoned();
  };

  const leave = (network: string, waiter: Waiter): boolean => {
    const share = shares.get(network);
    if (!share?.delete(waiter)) return false;
    if (share.size === 0) shares.delete(network);
    waiting -= 1;
    metrics.hashesWaiting(waiting);
    return true;
  };

  const nextNetwork = (): string | undefined => {
    if (shares.size === 0) served.clear();
    const networks = [...shares.keys()];
    newcomersTurn = !newcomersTurn;
    const newcomer = newcomersTurn ? networks.findLast((network) => !served.has(network)) : undefined;
    return newcomer ?? networks[0];
  };

  const noteTurn = (network: string) => {
    served.delete(network);
    served.add(network);
    const [oldest] = served;
    if (oldest !== undefined && served.size > limits.longestQueue) served.delete(oldest);
  };

  const startNext = () => {
    if (running >= limits.atOnce) return;
    const network = nextNetwork();
    const share = network === undefined ? undefined : shares.get(network);
    const [waiter] = share ?? [];
    if (network === undefined || !share || !waiter) return;
    leave(network, waiter);
    noteTurn(network);
    // The network moves to the end of the order, if it has more callers.
    if (shares.delete(network)) shares.set(network, share);
    waiter.start();
  };

  /** Refuses the last caller of the largest network, if that has more than `than`. Returns whether it did. */
  const makeRoom = (than: number): boolean => {
    let largest: [string, Set<Waiter>] | undefined;
    for (const entry of shares) if (entry[1].size > (largest?.[1].size ?? than)) largest = entry;
    const last = largest && [...largest[1]].pop();
    if (!largest || !last) return false;
    leave(largest[0], last);
    last.refuse(refusal());
    return true;
  };

  const myTurn = ({ network, signal }: Asker): Promise<void> => {
    const ownSize = shares.get(network)?.size ?? 0;
    if (ownSize >= limits.longestShare) return Promise.reject(refusal());
    if (waiting >= limits.longestQueue && !makeRoom(ownSize + 1)) return Promise.reject(refusal());
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onGone);
      };
      const waiter: Waiter = {
        start() {
          done();
          running += 1;
          resolve();
        },
        refuse(error) {
          done();
          reject(error);
        },
      };
      const giveUp = (error: Error) => {
        if (leave(network, waiter)) waiter.refuse(error);
      };
      const onGone = () => giveUp(gone());
      const timer = setTimeout(() => giveUp(refusal()), limits.longestWait).unref();
      signal?.addEventListener('abort', onGone);
      shares.set(network, (shares.get(network) ?? new Set()).add(waiter));
      waiting += 1;
      metrics.hashesWaiting(waiting);
      startNext();
    });
  };

  return async (work, asker) => {
    if (asker.signal?.aborted) throw gone();
    await myTurn(asker);
    try {
      return await work();
    } finally {
      running -= 1;
      startNext();
    }
  };
}
