import { type Clock, elapsedSince, type Moment } from '../core/clock';
import { createLease, type Lease } from './lease';

/** An answered heartbeat. */
interface Answered {
  /** How many revocations were published when the heartbeat was counted. */
  readonly tail: number;
  /** The moment before it was sent. */
  readonly sentAt: Moment;
}

/** While it holds, the view is current: everything that was confirmed by now is in it. */
export interface ViewLease extends Pick<Lease, 'holds' | 'left' | 'end'> {
  /** Counts an answered heartbeat: now if its tail has been applied, or as soon as it is. */
  answered(beat: Answered, position: number): void;
  /** Says up to which position the stream has been applied. */
  applied(position: number): void;
  /** Forgets the tails that have not been applied: they are those of an epoch that has ended. */
  forgetTails(): void;
}

/** @param length answers the lease in ms */
export function createViewLease(length: () => number, clock: Clock): ViewLease {
  const lease = createLease(length, clock);
  let awaited: Answered[] = [];

  const applied = (position: number) => {
    for (const { tail, sentAt } of awaited) if (tail <= position) lease.renew(sentAt);
    awaited = awaited.filter(({ tail, sentAt }) => tail > position && elapsedSince(sentAt, clock) < length());
  };

  return {
    get holds() {
      return lease.holds;
    },
    get left() {
      return lease.left;
    },
    answered(beat, position) {
      awaited.push(beat);
      applied(position);
    },
    applied,
    forgetTails() {
      awaited = [];
    },
    end() {
      lease.end();
      awaited = [];
    },
  };
}
