import { FOLLOW_CLOSE_CODES } from '../../core/follow-messages';
import { every } from '../../core/loop';
import type { Logger } from '../../core/ports/logger';
import { type Question, type Source, stale } from '../../core/ports/source';
import type { OpenWebSocket, SocketEnd, SocketListener } from '../../http-client/web-socket';
import { createBackoff } from './backoff';
import { createFollowLog } from './follow-log';
import { FollowedView, type FollowedViewOptions } from './followed-view';
import type { FollowerLease } from './follower-lease';
import { NodeLink } from './node-link';

export interface FollowerOptions extends FollowedViewOptions {
  /** Opens a connection to a node. */
  readonly connect: (listener: SocketListener) => OpenWebSocket;
  /** Called when the nodes turn out to be on another database than before: there are new keys. */
  readonly onDatabase: () => void;
  readonly logger: Logger;
}

/** ms until the next try after the view was given more than it may hold, and between two sweeps of it. */
const OVERFULL_DELAY = 300_000;
const SWEEP_INTERVAL = 30_000;

/** Leases of the node without a grant until another node is tried: at first, and at most. */
const PATIENCE = 5;
const MOST_PATIENCE = 80;

/** Leases from lost connections that are remembered. */
const MOST_LOST = 2;

/** ms for which a connection must have been of use, so that the next failure is the first again. */
const SETTLED = 5000;

/**
 * Follows the nodes of an auth server over one connection, or two while it moves from one node to another. It has one view,
 * which only grows, so a lease from any node counts for it (docs/protocol.md). Its states are those of its connection, and:
 *
 * - `connecting`: it has no connection. The lease, if there is one, goes on.
 * - `moving`: its node is silent, stops soon, or grants nothing. It goes on there until another node has taken over.
 * - `overfull`: the view was given more than it may hold. It was given up, and there is another try after a while.
 * - `closed`.
 */
export class Follower implements Source {
  readonly step = 'view';
  private followed: FollowedView | undefined;
  /** The leases from connections that were lost. They go on: the nodes count them until they are over. */
  private lost: readonly FollowerLease[] = [];
  private readonly backoff = createBackoff();
  private readonly log;
  private link: NodeLink | undefined;
  private next: NodeLink | undefined;
  private retry: NodeJS.Timeout | undefined;
  private rest: 'overfull' | 'closed' | undefined;
  private patience = PATIENCE;
  private readonly stopSweeping: () => Promise<void>;

  constructor(private readonly options: FollowerOptions) {
    this.log = createFollowLog(options.logger);
    this.stopSweeping = every(SWEEP_INTERVAL, () => this.followed?.sweep());
  }

  find({ token }: Pick<Question, 'token'>) {
    const found = this.followed?.lookUp(token);
    const { exp, iat } = token.claims;
    return this.isCurrentFor(exp - iat) ? found : stale(found);
  }

  get isCurrent(): boolean {
    return this.isCurrentFor(0);
  }

  get size(): number {
    return this.followed?.size ?? 0;
  }

  get reachesNode(): boolean {
    return this.link?.name === 'following' && !this.link.beats.isSilent;
  }

  /** Whether only an operator can change why it was refused. */
  get isRefused(): boolean {
    return this.log.isRefused;
  }

  get state() {
    return this.rest ?? (this.next ? 'moving' : (this.link?.name ?? 'connecting'));
  }

  /** Gives up the view, then says farewell. */
  async close(): Promise<void> {
    this.giveUp('closed');
    await this.stopSweeping();
  }

  /** Opens a connection. Call it to start. */
  open(): void {
    if (this.isUngranted) this.patience = Math.min(2 * this.patience, MOST_PATIENCE);
    // What a connection brings that was left does not count.
    const ifOurs = (work: () => void) => {
      if (link === this.link || link === this.next) work();
    };
    const link: NodeLink = new NodeLink({
      ...this.options,
      place: () => this.followed?.reached,
      welcomed: (database) => this.welcomed(link, database),
      forget: (until) => this.followed?.forget(until),
      take: (entries) =>
        ifOurs(() => {
          for (const entry of entries) this.followed?.take(entry);
          this.giveUpIfOverfull();
        }),
      progressed: () =>
        ifOurs(() => {
          if (this.followed) this.followed.reached = link.place;
          this.settle();
        }),
      granted: () =>
        ifOurs(() => {
          this.patience = PATIENCE;
          if (link.age > SETTLED) this.backoff.reset();
          this.log.works();
          this.settle();
        }),
      sent: () => this.look(),
      leaving: () => this.hurry(),
      ended: (end) => this.ended(link, end),
    });
    if (this.link) this.next = link;
    else this.link = link;
  }

  /** @param ttl s; the life of a token */
  private isCurrentFor(ttl: number): boolean {
    if (this.followed?.isOverfull !== false) return false;
    const isLongEnough = (lease?: FollowerLease) => lease?.holds === true && ttl <= lease.longestTokenTtl;
    return isLongEnough(this.link?.lease) || isLongEnough(this.next?.lease) || this.lost.some(isLongEnough);
  }

  /** Answers whether this database may be followed. */
  private welcomed(link: NodeLink, database: string): boolean {
    const before = this.followed;
    if (before?.database === database) return true;
    // As long as what it has is good. An address should not lead to two databases for long.
    if (before && this.isCurrent) return false;
    this.forgetView();
    this.followed = new FollowedView(database, this.options);
    this.moveTo(link);
    if (before) this.options.onDatabase();
    return true;
  }

  private get isUngranted(): boolean {
    return (this.link?.beats.leasesWithoutGrant ?? 0) > this.patience;
  }

  private get isServed(): boolean {
    const { link } = this;
    return link !== undefined && !link.beats.isSilent && !link.isLeaving && !this.isUngranted;
  }

  /** Opens another connection if this one is silent, ends soon, or brings no grants. */
  private look(): void {
    this.settle();
    if (this.isServed || this.next || this.retry) return;
    this.tell({ reason: this.link?.beats.isSilent ? 'the node does not answer' : 'the node grants nothing' });
    this.openLater();
  }

  /** Leaves the old node once the new one has granted a lease, or has loaded while the old lease does not hold. */
  private settle(): void {
    const { link, next } = this;
    if (next?.joining === undefined) return;
    if (next.lease.holds || !link?.lease.holds) this.moveTo(next);
  }

  private hurry(): void {
    this.backoff.hurry();
    this.look();
  }

  private moveTo(link: NodeLink): void {
    const others = [this.link, this.next].filter((each) => each !== link);
    this.link = link;
    this.next = undefined;
    for (const other of others) other?.leave();
  }

  private ended(link: NodeLink, end: SocketEnd): void {
    if (link === this.next) this.next = undefined;
    else if (link === this.link) {
      this.link = this.next;
      this.next = undefined;
    } else return;
    if (link.lease.joining !== undefined) this.lost = [link.lease, ...this.lost].slice(0, MOST_LOST);
    if (end.code === FOLLOW_CLOSE_CODES.STOPPING) this.backoff.hurry();
    this.tell(end);
    if (!this.isServed) this.openLater(end);
  }

  /** Says why no node can be followed, if it matters. */
  private tell(end: SocketEnd): void {
    try {
      if (this.isCurrent) return;
    } catch {
      // A clock that the service handed in has failed.
    }
    this.log.fails(end);
  }

  /** Opens a connection after a while, if one is needed then. */
  private openLater(end?: SocketEnd): void {
    if (this.rest || this.retry) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      if (!this.isServed && !this.next) this.open();
    }, this.backoff.next(end)).unref();
  }

  private giveUpIfOverfull(): void {
    if (this.rest || this.followed?.isOverfull !== true) return;
    this.options.logger.warn(
      { retryIn: OVERFULL_DELAY },
      'There are more live revocations than viewLimit allows. Tokens are checked without the view until there are fewer.',
    );
    this.giveUp('overfull');
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.rest = undefined;
      this.open();
    }, OVERFULL_DELAY).unref();
  }

  private giveUp(rest: 'overfull' | 'closed'): void {
    this.rest = rest;
    clearTimeout(this.retry);
    this.retry = undefined;
    this.forgetView();
    const links = [this.link, this.next];
    this.link = this.next = undefined;
    for (const link of links) link?.leave();
  }

  /** Gives up the view: first the lease. */
  private forgetView(): void {
    for (const lease of [this.link?.lease, this.next?.lease, ...this.lost]) lease?.end();
    this.lost = [];
    this.followed?.leave();
    this.followed = undefined;
  }
}
