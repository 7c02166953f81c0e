import type { Revocations } from './state';

/**
 * What a node has sent to a follower, and the follower has not applied yet: the start of a snapshot, its rest, or what
 * the node's view took in since. The connection keeps the order.
 */
export interface Sent {
  /** The joining of the node, and its epoch. */
  joining: number;
  id: number;
  entries: Revocations;
  /** The node's position after them. */
  position: number;
  /** Whether the snapshot is complete with this. */
  whole: boolean;
}

/** A part of a node's lease, by the clock of the follower or of the node. */
export interface Lease {
  joining: number;
  /** Ticks until it is over. */
  left: number;
}

/** A follower's heartbeat on its way. */
export interface FollowerBeat {
  stage: 'sent' | 'answered';
  joining: number;
  position: number;
  /** Ticks of the follower's clock since the stamp. */
  age: number;
  grant: number;
  tail: number;
}

/** What a follower and one node know of each other. */
export interface Link {
  isConnected: boolean;
  /** The joining with which the node began this connection; 0 before. */
  begun: number;
  /** The rest of the snapshot, which the node has still to send; NONE if it has sent all. */
  rest: Revocations;
  sent: Sent[];
  /** What the follower stands on, by this connection; 0 before its first snapshot. */
  joining: number;
  id: number;
  position: number;
  isWhole: boolean;
  beat: FollowerBeat | undefined;
  /** The newest grant, while its tail is not applied. */
  granted: (Lease & { tail: number }) | undefined;
  /**
   * The lease by which the follower is current. `seemsOver`: the wall clock was set forward since. It may be set back.
   */
  lease: (Lease & { seemsOver: boolean }) | undefined;
  /** A position that is still under way by an earlier connection. */
  late: { joining: number; position: number } | undefined;
}

/** A service that knows the revocations by nodes only. */
export interface Follower {
  view: Revocations;
  /** One for each process; those that are no nodes have none. */
  links: Link[];
  /** The epoch and position that its view is complete up to, if it may go on from there. */
  from: { id: number; position: number } | undefined;
  asleep: boolean;
}

/** A grant that a node has given and that may not be over. */
export interface Grant extends Lease {
  follower: number;
  position: number;
  /** Whether it was given by an earlier connection. */
  isOld: boolean;
}

/** What a node keeps for its followers. */
export interface Host {
  /** Its joinings are numbered from 1. Each has a name of its own in the registry. */
  joining: number;
  /** The first joining since its start. */
  first: number;
  /** The position at which this joining began, and the entries read since. */
  began: number;
  recent: number[];
  /** The highest position that was reported in this joining. */
  reported: number;
  grants: Grant[];
}
