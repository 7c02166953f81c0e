import type { Clock } from '../core/clock';

/** ms after which an ack is late. */
const LATE = 100;

/** The share of the time for which acks may be late, and the ms in which it is measured. */
const SHARE = 0.01;
const WINDOW = 60_000;

/** ms; what was sent within this time counts as sent at its beginning. */
const GRAIN = 10;

/**
 * Watches whether one follower delays confirmations: while it holds a grant, a node reports no position that the
 * follower has not acknowledged.
 */
export class Arrears {
  /** What is not acknowledged, in order: positions, and when the first of them was sent. */
  private owed: { readonly at: number; position: number }[] = [];
  private sentUpTo = 0;
  private grantedUntil = -Infinity;
  private countedUntil = -Infinity;
  private windowBeganAt: number;
  /** ms of the window for which an ack was late. */
  private late = 0;
  private wereTooLate = false;

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {
    this.windowBeganAt = clock.monotonic();
  }

  /** Begins anew, with a new joining of the node: positions from before no longer count. */
  begin(position: number): void {
    this.owed = [];
    this.sentUpTo = position;
  }

  sent(position: number): void {
    if (position <= this.sentUpTo) return;
    this.sentUpTo = position;
    const at = this.clock.monotonic();
    const last = this.owed.at(-1);
    if (last && at - last.at < GRAIN) last.position = position;
    else this.owed.push({ at, position });
  }

  acked(position: number): void {
    this.count();
    const next = this.owed.findIndex((each) => each.position > position);
    this.owed = next < 0 ? [] : this.owed.slice(next);
  }

  /** @param ms of the grant */
  granted(ms: number): void {
    this.grantedUntil = Math.max(this.grantedUntil, this.clock.monotonic() + ms);
  }

  /** Whether acks were late for too long. Answers it once a minute at most. */
  areTooLate(): boolean {
    this.count();
    const now = this.clock.monotonic();
    if (now - this.windowBeganAt >= WINDOW) {
      this.windowBeganAt = now;
      this.late = 0;
      this.wereTooLate = false;
    }
    if (this.wereTooLate || this.late <= SHARE * WINDOW) return false;
    this.wereTooLate = true;
    return true;
  }

  /** Adds the time since the last count for which an ack was late, and a grant was out. */
  private count(): void {
    const [oldest] = this.owed;
    const now = this.clock.monotonic();
    if (oldest && oldest.at < this.grantedUntil) {
      const from = Math.max(oldest.at + LATE, this.countedUntil, this.windowBeganAt);
      this.late += Math.max(0, Math.min(now, this.grantedUntil) - from);
    }
    this.countedUntil = now;
  }
}
