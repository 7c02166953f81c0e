import { setTimeout as sleep } from 'node:timers/promises';
import { type LoggedRevocation, refuses } from '../core/revocation';
import { forEachInTurns } from '../core/turns';
import type { SubscriptionContext } from '../graphql/context';
import type { SignedInSocket } from '../guard/signed-in-socket';
import type { Announcements } from '../revocation/announcements';
import { createEventQueue, type EventQueue } from './event-queue';
import type { SocketLimits } from './socket-limits';

/** The subscriptions of one signed-in socket. */
export interface Subscriptions {
  readonly socket: SignedInSocket;
  /** What the resolvers read from. */
  readonly feed: SubscriptionContext['feed'];
  /** How much work a revocation makes, compared with one for a socket without subscriptions: each event is executed. */
  readonly weight: number;
  /** Sends a revocation of the socket's user, or of everyone, to `sessionEnded`. */
  push(revocation: LoggedRevocation): void;
  /**
   * Sends the revocation that ended the token as the last event of `sessionEnded`. Resolves when it is sent, or the client
   * was given enough time to read it. Returns `undefined` if the socket has not subscribed to `sessionEnded`.
   */
  sendLast(revocation: LoggedRevocation): Promise<unknown> | undefined;
  end(): void;
}

/** The subscriptions of all sockets. */
export interface AllSubscriptions {
  /** @param onTooSlow called when too many events wait for the client */
  of(socket: SignedInSocket, onTooSlow: () => void): Subscriptions;
  /** Stops sending events of `revocations`. */
  stop(): void;
}

type Queue = EventQueue<LoggedRevocation>;

interface Watcher {
  readonly weight: number;
  push(revocation: LoggedRevocation): void;
}

export function createSubscriptions(
  announcements: Announcements,
  limits: Pick<SocketLimits, 'waitingEvents' | 'lastEventPatience'>,
): AllSubscriptions {
  /** The sockets with a subscription to `revocations`. */
  const watchers = new Set<Watcher>();
  const stop = announcements.subscribe((revocation, isNew) => {
    if (!isNew) return;
    void forEachInTurns(
      [...watchers],
      (watcher) => watcher.push(revocation),
      (watcher) => watcher.weight,
    );
  });

  const of = (socket: SignedInSocket, onTooSlow: () => void): Subscriptions => {
    const mine = new Set<Queue>();
    const all = new Set<Queue>();
    const weight = () => 1 + 10 * (mine.size + all.size);

    const push = (queues: ReadonlySet<Queue>, revocation: LoggedRevocation) => {
      if (![...queues].every((queue) => queue.push(revocation))) onTooSlow();
    };
    const watcher: Watcher = {
      get weight() {
        return weight();
      },
      push(revocation) {
        // A token that ends is told by `sessionEnded` only.
        if (!socket.hasEnded && !refuses(revocation, socket.principal)) push(all, revocation);
      },
    };
    const open = (queues: Set<Queue>) => {
      const queue: Queue = createEventQueue({
        admit: () => socket.judge(),
        limit: limits.waitingEvents,
        onEnd() {
          queues.delete(queue);
          if (all.size === 0) watchers.delete(watcher);
        },
      });
      queues.add(queue);
      if (queues === all) watchers.add(watcher);
      if (socket.hasEnded) queue.end();
      return queue;
    };

    return {
      socket,
      feed: { mine: () => open(mine), all: () => open(all) },
      get weight() {
        return weight();
      },
      push(revocation) {
        // One that names a single token ends no session.
        if (revocation.kind !== 'TOKEN') push(mine, revocation);
      },
      sendLast(revocation) {
        if (mine.size === 0) return undefined;
        const sent = Promise.all([...mine].map((queue) => queue.finish(revocation)));
        return Promise.race([sent, sleep(limits.lastEventPatience, undefined, { ref: false })]);
      },
      end() {
        for (const queue of [...mine, ...all]) queue.end();
      },
    };
  };

  return { of, stop };
}
