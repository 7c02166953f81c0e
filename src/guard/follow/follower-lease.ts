import { type Clock, elapsedSince, type Moment } from '../../core/clock';

/** A part of a node's lease. */
export interface Grant {
  /** The joining of the node that granted it. */
  readonly joining: string;
  /** The moment before the heartbeat was sent that asked for it: the answer may have been long under way. */
  readonly sentAt: Moment;
  /** ms from then on. */
  readonly length: number;
  /** s; the longest life of a token whose revocations are all followed. */
  readonly longestTokenTtl: number;
}

/**
 * The lease from one connection to a node. While it holds, what the follower's view does not name is not revoked. A node
 * counts it until it is over, or until it is given up with a word on that connection: so no other connection may end it.
 */
export interface FollowerLease {
  readonly holds: boolean;
  /** The joining that granted it. */
  readonly joining: string | undefined;
  /** s; 0 without a grant. */
  readonly longestTokenTtl: number;
  /** Counts a grant. Its tail must have been applied. */
  take(grant: Grant): void;
  end(): void;
}

export function createFollowerLease(clock: Clock): FollowerLease {
  let grant: Grant | undefined;
  const endOf = ({ sentAt, length }: Grant) => sentAt.monotonic + length;
  return {
    get holds() {
      return grant !== undefined && elapsedSince(grant.sentAt, clock) < grant.length;
    },
    get joining() {
      return grant?.joining;
    },
    get longestTokenTtl() {
      return grant?.longestTokenTtl ?? 0;
    },
    take(next) {
      // A later joining's counts although it may end earlier: no word will come for the earlier one.
      if (grant?.joining !== next.joining || endOf(next) > endOf(grant)) grant = next;
    },
    end() {
      grant = undefined;
    },
  };
}
