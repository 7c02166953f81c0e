import { type Clock, elapsedSince, type Moment, momentOf } from '../../core/clock';
import type { GrantMessage } from '../../core/follow-messages';
import type { Grant } from './follower-lease';

/** A grant whose tail has not been applied yet. */
interface Awaited {
  readonly grant: Grant;
  readonly tail: number;
}

/** Heartbeats per lease of the node. A grant is worth two thirds of a lease or more, so two may be lost. */
const BEATS = 5;

/** ms; no heartbeat comes sooner after another, whatever the node says. */
const SHORTEST_INTERVAL = 20;

/** Heartbeats and grants that are remembered. Older ones have ended. */
const MOST_REMEMBERED = 10;

/** The heartbeats on one connection, and what they are answered. */
export class Heartbeats {
  /** ms; of the node. */
  lease = 0;
  private lastNumber = 0;
  /** The moments before the heartbeats were sent that are not answered yet, by number. */
  private readonly sent = new Map<number, Moment>();
  private awaited: Awaited[] = [];
  /** Heartbeats since the last answer, and since the last grant that counted. */
  private unanswered = 0;
  private ungranted = 0;
  private lastSentAt: Moment | undefined;
  /** The number of the first heartbeat after a pause of this process, until one from then on is answered. */
  private firstAfterPause: number | undefined;

  constructor(private readonly clock: Clock) {}

  /** ms */
  get interval(): number {
    return Math.max(this.lease / BEATS, SHORTEST_INTERVAL);
  }

  /**
   * Whether the node has not answered for a lease. Heartbeats are counted, not ms: after a pause of this process, answers
   * may wait to be read.
   *
   * After a pause of more than a lease, one heartbeat without an answer is enough: meanwhile the network may have forgotten
   * the connection, and nothing counts any longer that would be given up.
   */
  get isSilent(): boolean {
    const { firstAfterPause = Infinity } = this;
    return this.unanswered > BEATS || this.lastNumber > firstAfterPause;
  }

  /** For how many leases of the node no grant has counted. */
  get leasesWithoutGrant(): number {
    return this.ungranted / BEATS;
  }

  /** Stamps a heartbeat that is sent now. Returns its number. */
  next(): number {
    const number = ++this.lastNumber;
    if (this.lastSentAt && elapsedSince(this.lastSentAt, this.clock) > this.lease)
      this.firstAfterPause = number;
    this.lastSentAt = momentOf(this.clock);
    this.sent.set(number, this.lastSentAt);
    this.sent.delete(number - MOST_REMEMBERED);
    this.unanswered += 1;
    this.ungranted += 1;
    return number;
  }

  /** Takes an answer. `false`: to a heartbeat that does not count any longer. */
  answered({ number, joining, grant, tail, longestTokenTtl }: GrantMessage): boolean {
    const sentAt = this.sent.get(number);
    if (sentAt === undefined) return false;
    for (const earlier of this.sent.keys()) if (earlier <= number) this.sent.delete(earlier);
    this.unanswered = 0;
    if (number >= (this.firstAfterPause ?? 0)) this.firstAfterPause = undefined;
    if (grant === 0) return true;
    const length = Math.min(grant, this.lease);
    this.awaited.push({ tail, grant: { joining, sentAt, length, longestTokenTtl } });
    this.awaited = this.awaited.slice(-MOST_REMEMBERED);
    return true;
  }

  /** Returns the grants that count now: their tail has been applied. */
  countUpTo(position: number): Grant[] {
    const counting = this.awaited.filter(({ tail }) => tail <= position);
    this.awaited = this.awaited.filter(({ tail }) => tail > position);
    if (counting.length > 0) this.ungranted = 0;
    return counting.map(({ grant }) => grant);
  }

  /** From now on nothing counts that was sent or granted before. */
  forget(): void {
    this.sent.clear();
    this.awaited = [];
    this.unanswered = 0;
    this.ungranted = 0;
    this.lastSentAt = undefined;
    this.firstAfterPause = undefined;
  }
}
