import type { Clock } from '../core/clock';
import type { NoGrantReason } from '../core/follow-messages';

/** The node that grants parts of its lease. */
export interface Lender {
  /** ms that are left of the lease of its view; 0 while the view is not current. */
  left(): number;
  /** s; the longest access token lifetime of any node. */
  readonly longestTokenTtl: number;
  /** The position that may be reported has risen. */
  onRisen(): void;
}

/** Whom something is granted, as far as that concerns the grant. */
export interface Borrower {
  /** Asks for what was granted in this joining. */
  takeBack(joining: string): void;
  /** A grant has run out while the follower owed an acknowledgement for long. Called after its connection has ended, too. */
  ranOutOwing(): void;
}

/** A follower in one joining of the node. */
export interface Holder {
  /** Up to here the follower has applied what it was sent. */
  position: number;
  /** ms by the monotonic clock; until then the follower may be current. */
  until: number;
  /** Everything that its view has to begin with was sent. */
  hasLoaded: boolean;
  readonly borrower: Borrower;
  /** The connection has ended. */
  isLost: boolean;
}

export interface GrantsOptions {
  /** The name of the joining. */
  readonly joining: string;
  /** The node's position when its load was done. */
  readonly position: number;
  readonly lender: Lender;
  /** ms */
  readonly lease: number;
  readonly clock: Clock;
}

/** What a beat is answered. */
export interface Granted {
  /** ms */
  readonly grant: number;
  readonly reason?: NoGrantReason;
}

/**
 * Returns the part of the lease that a follower gets. Its clock may be slower than the node's by 1 %, and the node must not
 * stop counting it before its grant is over.
 */
const shrunk = (left: number): number => Math.floor(left / 1.01 - 5);

/**
 * What was granted in one joining of the node, and to whom. The node reports a position to Redis only when each follower
 * whose grant is not over has applied it: a grant is a lease, so a confirmation must wait for its holder as for a node.
 */
export class Grants {
  /** Those whose last grant is not over, connected or not: a follower need not have noticed that it lost its connection. */
  private readonly holders = new Set<Holder>();
  /** Of the holders, one that has applied the least. Kept, so that not each ack looks through all. */
  private slowest: Holder | undefined;
  /** The node's own position. */
  private own: number;
  private reported = -1;
  /** What was sent within the last third of a lease, and when by the monotonic clock. */
  private readonly sends: { readonly position: number; readonly at: number }[] = [];
  /** Each follower owes the acknowledgement of this position for a third of a lease or longer. */
  private overdue = -1;
  private timer: NodeJS.Timeout | undefined;
  private timerFor = Infinity;
  private closing: Promise<void> | undefined;
  private onEmpty: () => void = () => undefined;

  constructor(private readonly options: GrantsOptions) {
    this.own = options.position;
  }

  get size(): number {
    return this.holders.size;
  }

  /** Sends that it remembers. */
  get remembered(): number {
    return this.sends.length;
  }

  /** The node's own position, which is the tail of what it grants. Never less than what it has reported. */
  get position(): number {
    return this.own;
  }

  /** The positions that the slowest holder lacks. */
  get lag(): number {
    return this.own - this.least;
  }

  /** Whether more may be reported than was. */
  get hasRisen(): boolean {
    return this.least > this.reported;
  }

  /**
   * Returns the position to report now. It never goes back: a holder that is counted only since was granted a tail of all
   * that had been reported. So it is current only with that, and must not delay what others have seen reported.
   */
  report(): number {
    this.reported = Math.max(this.reported, this.least);
    return this.reported;
  }

  /** The view has taken in everything up to this position, and it was sent to every follower. */
  moved(position: number): void {
    if (position <= this.own) return;
    this.own = position;
    this.sends.push({ position, at: this.options.clock.monotonic() });
    // Nobody may be there to ask for it.
    this.due();
  }

  enter(borrower: Borrower): Holder {
    return { position: -1, until: -Infinity, hasLoaded: false, borrower, isLost: false };
  }

  /** Answers a beat. The node's own currency depends on its own position only, so a slow follower stops no other. */
  beat(holder: Holder, position: number, mayHold: boolean): Granted {
    this.ack(holder, position);
    if (!mayHold) return { grant: 0, reason: 'BANNED' };
    const left = this.closing ? 0 : this.options.lender.left();
    const grant = shrunk(left);
    if (grant <= 0) return { grant: 0, reason: 'NOT_CURRENT' };
    // Otherwise a follower that stopped applying, and still sends beats, would hold each confirmation for as long as it
    // likes.
    if (!holder.hasLoaded || holder.position < this.due()) return { grant: 0, reason: 'BEHIND' };
    // By the monotonic clock alone: a wall clock that is set forward ends the node's lease, and not the follower's.
    holder.until = Math.max(holder.until, this.options.clock.monotonic() + left);
    this.count(holder);
    return { grant };
  }

  ack(holder: Holder, position: number): void {
    // What a follower says beyond what it was sent is not true.
    const reached = Math.min(position, this.own);
    if (reached <= holder.position) return;
    holder.position = reached;
    if (holder === this.slowest) this.changed();
  }

  /** The follower has given up what it was granted. */
  giveBack(holder: Holder): void {
    holder.until = -Infinity;
    this.remove(holder);
  }

  /** The connection has ended. What was granted counts until it is over. */
  lose(holder: Holder): void {
    holder.isLost = true;
  }

  /** Grants nothing any more, and takes back. Resolves when each grant was returned, or is over. */
  close(): Promise<void> {
    if (this.closing) return this.closing;
    this.closing = new Promise((resolve) => (this.onEmpty = resolve));
    for (const { borrower, isLost } of [...this.holders])
      if (!isLost) borrower.takeBack(this.options.joining);
    // The process must not end while it waits.
    this.timer?.ref();
    this.resolveIfFree();
    return this.closing;
  }

  /** Grants nothing any more, and counts nobody: the epoch has ended, and grants end with the leases that they are part of. */
  end(): void {
    this.closing = Promise.resolve();
    clearTimeout(this.timer);
    this.holders.clear();
    this.slowest = undefined;
    this.onEmpty();
  }

  private get least(): number {
    return Math.min(this.own, this.slowest?.position ?? this.own);
  }

  /** The position that each follower should have acknowledged by now. */
  private due(): number {
    const before = this.options.clock.monotonic() - this.options.lease / 3;
    for (let first = this.sends[0]; first && first.at <= before; first = this.sends[0]) {
      this.overdue = first.position;
      this.sends.shift();
    }
    return this.overdue;
  }

  private count(holder: Holder): void {
    this.holders.add(holder);
    if (!this.slowest || holder.position < this.slowest.position) this.slowest = holder;
    if (holder.until < this.timerFor) this.setTimer();
  }

  private remove(holder: Holder): void {
    if (this.holders.delete(holder)) this.changed();
  }

  /** The slowest holder has moved, or holders are gone. */
  private changed(): void {
    let slowest: Holder | undefined;
    // Of several, the last: acks arrive in the order in which the entries were sent, so it is looked for only once.
    for (const holder of this.holders) if (!slowest || holder.position <= slowest.position) slowest = holder;
    this.slowest = slowest;
    this.resolveIfFree();
    // The heartbeat must tell it at once: confirmations wait for it.
    if (this.hasRisen) this.options.lender.onRisen();
  }

  private resolveIfFree(): void {
    if (!this.closing || this.holders.size > 0) return;
    clearTimeout(this.timer);
    this.onEmpty();
  }

  private setTimer(): void {
    clearTimeout(this.timer);
    this.timerFor = Infinity;
    for (const { until } of this.holders) this.timerFor = Math.min(this.timerFor, until);
    if (this.timerFor === Infinity) return;
    const rest = this.timerFor - this.options.clock.monotonic();
    this.timer = setTimeout(() => this.removeOver(), Math.max(0, rest) + 1);
    if (!this.closing) this.timer.unref();
  }

  private removeOver(): void {
    const now = this.options.clock.monotonic();
    const due = this.due();
    const over = [...this.holders].filter(({ until }) => until <= now);
    for (const holder of over) {
      this.holders.delete(holder);
      // Of a lost connection too: who holds a grant and drops the connection delays confirmations all the same.
      if (holder.position < due) holder.borrower.ranOutOwing();
    }
    this.setTimer();
    if (over.length > 0) this.changed();
  }
}
