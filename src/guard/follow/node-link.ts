import {
  type BeginMessage,
  type EntriesMessage,
  type FollowerMessage,
  type GrantMessage,
  type LoadedMessage,
  type NodeMessage,
  type PartMessage,
  textOfMessage,
} from '../../core/follow-messages';
import { readNodeMessage } from '../../core/read-follow-message';
import type { OpenWebSocket, SocketEnd } from '../../http-client/web-socket';
import type { Place } from '../../protocol/followers';
import { learnedFrom } from '../../protocol/part-entry';
import { createFollowerLease, type FollowerLease } from './follower-lease';
import { Heartbeats } from './heartbeats';
import type { LinkHost } from './link-host';

type State =
  | { readonly name: 'connecting' | 'joining' | 'waiting' | 'ended' }
  | { readonly name: 'loading' | 'following'; readonly joining: string; readonly epoch: string };

/** ms of silence after which a connection is given up: in the handshake, while the node loads or is busy, and in a load. */
const HANDSHAKE_TIME = 5000;
const WAITING_TIME = 30_000;
const LOADING_TIME = 10_000;

/**
 * One connection to a node. Positions and grants belong to it, and to one joining of the node. Its states:
 *
 * - `connecting`: the handshake is under way.
 * - `joining`: it has asked to join.
 * - `waiting`: the node has no snapshot for it yet, or has taken its grants back.
 * - `loading`: a snapshot comes, or what came after the place where the view stands.
 * - `following`: all has come. It sends heartbeats, and acknowledges what it applies.
 * - `ended`.
 *
 *     connecting         ── opened ────▶ joining
 *     joining            ── welcome ───▶ waiting
 *     any but the first  ── begin ─────▶ loading, anew each time the node joins
 *     loading            ── loaded ────▶ following
 *     loading, following ── take-back ─▶ waiting
 *     any                ── closed, silent, or an unknown message ─▶ ended
 */
export class NodeLink {
  private state: State = { name: 'connecting' };
  private position = 0;
  readonly beats: Heartbeats;
  readonly lease: FollowerLease;
  private timer: NodeJS.Timeout | undefined;
  private readonly socket: OpenWebSocket;
  private readonly openedAt = performance.now();
  /** Whether the node has said that it stops soon. */
  isLeaving = false;

  constructor(private readonly host: LinkHost) {
    this.beats = new Heartbeats(host.clock);
    this.lease = createFollowerLease(host.clock);
    this.socket = host.connect({
      opened: this.guarded(() => this.opened()),
      received: this.guarded((text) => this.received(text)),
      ended: (end) => this.ended(end),
    });
    this.expect(HANDSHAKE_TIME);
  }

  get name(): State['name'] {
    return this.state.name;
  }

  /** The joining of the node that it follows, once it has loaded. */
  get joining(): string | undefined {
    return this.state.name === 'following' ? this.state.joining : undefined;
  }

  get place(): Place | undefined {
    return this.state.name === 'following' ? { epoch: this.state.epoch, position: this.position } : undefined;
  }

  /** ms since it was opened. */
  get age(): number {
    return performance.now() - this.openedAt;
  }

  /** Gives up the lease from it, then ends it. */
  leave(): void {
    this.lease.end();
    this.send({ type: 'farewell' });
    this.socket.close();
  }

  private get hasEnded(): boolean {
    return this.state.name === 'ended';
  }

  private send(message: FollowerMessage): void {
    if (!this.hasEnded) this.socket.send(textOfMessage(message));
  }

  /** Runs what a message or a timer brings. A clock that the service handed in may fail. */
  private guarded<Args extends unknown[]>(work: (...args: Args) => void): (...args: Args) => void {
    return (...args) => {
      if (this.hasEnded) return;
      try {
        work(...args);
      } catch (error) {
        this.socket.drop(error instanceof Error ? error.message : 'an unexpected error');
      }
    };
  }

  private after(delay: number, work: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.guarded(work), delay).unref();
  }

  /** Gives the connection up unless something comes in that time. */
  private expect(within: number): void {
    this.after(within, () => this.socket.drop(`nothing came for ${within / 1000} s`));
  }

  private opened(): void {
    this.state = { name: 'joining' };
    this.send({ type: 'join', ...this.host.place() });
    this.expect(HANDSHAKE_TIME);
  }

  private ended(end: SocketEnd): void {
    this.state = { name: 'ended' };
    this.beats.forget();
    clearTimeout(this.timer);
    this.host.ended(end);
  }

  private received(text: string): void {
    const message = readNodeMessage(text);
    if (!message || !this.handle(message))
      this.socket.drop('the node sent something unknown, or out of turn');
  }

  /** Answers whether the message may come now. */
  private handle(message: NodeMessage): boolean {
    if ((this.state.name === 'joining') !== (message.type === 'welcome')) return false;
    switch (message.type) {
      case 'welcome':
        return this.welcome(message);
      case 'begin':
        return this.begin(message);
      case 'part':
        return this.load(message);
      case 'loaded':
        return this.loaded(message);
      case 'entries':
        return this.apply(message);
      case 'grant':
        return this.answered(message);
      case 'take-back':
        return this.takeBack(message);
      case 'leaving':
        this.isLeaving = true;
        this.host.leaving();
        return true;
    }
  }

  private welcome({ database, lease }: { readonly database: string; readonly lease: number }): boolean {
    this.beats.lease = lease;
    this.state = { name: 'waiting' };
    this.expect(WAITING_TIME);
    if (!this.host.welcomed(database)) this.socket.drop('the node is on another database');
    return true;
  }

  private begin({ joining, epoch, position, ...forgotten }: BeginMessage): boolean {
    this.beats.forget();
    this.position = position;
    this.state = { name: 'loading', joining, epoch };
    this.host.forget(forgotten);
    this.expect(LOADING_TIME);
    return true;
  }

  // What comes belongs into the view at any time: a part may have been under way while its joining ended.
  private load({ entries }: PartMessage): boolean {
    if (this.state.name === 'loading') this.expect(LOADING_TIME);
    this.host.take(entries.map(learnedFrom));
    return true;
  }

  private loaded({ joining, position, ...forgotten }: LoadedMessage): boolean {
    if (this.state.name !== 'loading' || this.state.joining !== joining) return true;
    this.host.forget(forgotten);
    this.position = Math.max(this.position, position);
    this.state = { ...this.state, name: 'following' };
    this.host.progressed();
    this.beat();
    return true;
  }

  private apply({ entries, position }: EntriesMessage): boolean {
    if (this.state.name === 'loading') this.expect(LOADING_TIME);
    this.host.take(entries);
    if (position <= this.position) return true;
    this.position = position;
    if (this.state.name !== 'following') return true;
    this.host.progressed();
    this.send({ type: 'ack', joining: this.state.joining, position });
    this.countGrants();
    return true;
  }

  private answered(message: GrantMessage): boolean {
    if (this.joining !== message.joining || !this.beats.answered(message)) return true;
    this.host.forget(message);
    this.countGrants();
    return true;
  }

  private countGrants(): void {
    const grants = this.beats.countUpTo(this.position);
    for (const grant of grants) this.lease.take(grant);
    if (grants.length > 0) this.host.granted();
  }

  private takeBack({ joining }: { readonly joining: string }): boolean {
    if ('joining' in this.state && this.state.joining === joining) {
      this.beats.forget();
      this.state = { name: 'waiting' };
      this.expect(WAITING_TIME);
    }
    // First the lease, then the word that it was given up.
    if (this.lease.joining === joining) this.lease.end();
    this.send({ type: 'returned', joining });
    return true;
  }

  private beat(): void {
    if (this.state.name !== 'following') return;
    const { joining } = this.state;
    this.after(this.beats.interval, () => this.beat());
    this.send({ type: 'beat', number: this.beats.next(), joining, position: this.position });
    this.host.sent();
  }
}
