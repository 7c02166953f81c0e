import { setTimeout as sleep } from 'node:timers/promises';
import { type LoggedRevocation, refuses } from '../core/revocation';
import { forEachInTurns } from '../core/turns';
import type { SubscriptionContext } from '../graphql/context';
import type { SignedInSocket } from '../guard/signed-in-socket';
import type { Announcements } from '../revocation/announcements';
import { EventQueue } from './event-queue';
import type { SocketLimits } from './socket-limits';

type Queues = Set<EventQueue<LoggedRevocation>>;

interface SubscriptionsOptions {
  readonly socket: SignedInSocket;
  readonly limits: Pick<SocketLimits, 'waitingEvents' | 'lastEventPatience'>;
  /** The sockets with a subscription to `revocations`. */
  readonly watchers: Set<Subscriptions>;
  /** Called when too many events wait for the client, before the subscriptions end. */
  readonly onTooSlow: () => void;
}

/** The subscriptions of one signed-in socket. */
export class Subscriptions {
  readonly socket: SignedInSocket;
  /** What the resolvers read from. */
  readonly revocations: SubscriptionContext['revocations'] = {
    ofUser: () => this.open(this.toSessionEnded),
    all: () => this.open(this.toRevocations),
  };
  private readonly toSessionEnded: Queues = new Set();
  private readonly toRevocations: Queues = new Set();

  constructor(private readonly options: SubscriptionsOptions) {
    this.socket = options.socket;
  }

  /** How much work a revocation makes, compared with one for a socket without subscriptions: each event is executed. */
  get weight(): number {
    return 1 + 10 * (this.toSessionEnded.size + this.toRevocations.size);
  }

  /** Sends a revocation of the socket's user, or of everyone, to `sessionEnded`. */
  push(revocation: LoggedRevocation): void {
    // One that names a single token ends no session.
    if (revocation.kind !== 'TOKEN') this.pushTo(this.toSessionEnded, revocation);
  }

  /** Sends any revocation to `revocations`. */
  watch(revocation: LoggedRevocation): void {
    // A token that ends is told by `sessionEnded` only.
    if (this.socket.hasEnded || refuses(revocation, this.socket.principal.token)) return;
    this.pushTo(this.toRevocations, revocation);
  }

  /**
   * Sends the revocation that ended the token as the last event of `sessionEnded`. Resolves when it is sent, or the client
   * was given enough time to read it. Returns `undefined` if the socket has not subscribed to `sessionEnded`.
   */
  sendLast(revocation: LoggedRevocation): Promise<unknown> | undefined {
    if (this.toSessionEnded.size === 0) return undefined;
    const sent = Promise.all([...this.toSessionEnded].map((queue) => queue.finish(revocation)));
    return Promise.race([sent, sleep(this.options.limits.lastEventPatience, undefined, { ref: false })]);
  }

  end(): void {
    for (const queue of [...this.toSessionEnded, ...this.toRevocations]) queue.end();
  }

  private open(queues: Queues): EventQueue<LoggedRevocation> {
    const { socket, limits, watchers } = this.options;
    const queue = new EventQueue<LoggedRevocation>({
      admit: () => socket.judge(),
      limit: limits.waitingEvents,
      onEnd: () => {
        queues.delete(queue);
        if (this.toRevocations.size === 0) watchers.delete(this);
      },
    });
    queues.add(queue);
    if (queues === this.toRevocations) watchers.add(this);
    if (socket.hasEnded) queue.end();
    return queue;
  }

  private pushTo(queues: Queues, revocation: LoggedRevocation): void {
    if ([...queues].every((queue) => queue.push(revocation))) return;
    this.options.onTooSlow();
    this.end();
  }
}

/** Sends each new revocation to the `watchers`. Returns the function that stops it. */
export const informWatchers = (announcements: Announcements, watchers: ReadonlySet<Subscriptions>) =>
  announcements.subscribe((revocation, isNew) => {
    if (!isNew) return;
    void forEachInTurns(
      [...watchers],
      (subscriptions) => subscriptions.watch(revocation),
      (subscriptions) => subscriptions.weight,
    );
  });
