import type { Offer } from './explorer';
import type { Faults, World } from './state';
import type { Rule } from './rules';

/**
 * Time passes in ticks. Steps happen between two ticks, in any order and number. A clock shows the number of its ticks,
 * so steps between the same two ticks have the same time, like events within one ms of a real clock. A slow
 * clock loses every second tick: L of its ticks may last 2 * L true ones.
 *
 * The lease is one tick: a view is current until the first tick that its clock counts after the stamp. A waiter whose
 * clock is true has to wait 2 * L to be sure of that. Real clocks drift far less: in the code W is L, plus 1 % and a
 * margin for the resolution of a clock. In ticks the least time above L is one more tick, so the drift is scaled
 * up to that tick.
 *
 * Ages are counted only as long as they make a difference. So time has no end in the model.
 */
export const LEASE = 1;
export const WAIT = 2;
export const SLOW_CLOCK_LOSES_ONE_IN = 2;

/** What a process can do. */
export interface Role {
  readonly name: string;
  /** Whether it reaches Postgres, like a node. Without it, it is a service. */
  readonly postgres?: boolean;
  readonly keepsView?: boolean;
  readonly revokes?: boolean;
  readonly heals?: boolean;
  /** Checks tokens by records. Without a view it holds its lease by probes. */
  readonly readsRecords?: boolean;
  readonly leaves?: boolean;
  readonly slowClock?: boolean;
  /** Whether its machine may sleep. */
  readonly sleeps?: boolean;
  /** Whether it may lose its connection, or begin again, at any time. */
  readonly reconnects?: boolean;
  /** Whether it takes revocations from Postgres while it follows, before the stream brings them. */
  readonly catchesUp?: boolean;
  /** Whether it may die, and begin again with nothing. */
  readonly dies?: boolean;
  /** Whether its wall clock may be set forward. */
  readonly setsClock?: boolean;
}

/** What a follower can do. */
export interface FollowerRole {
  readonly name: string;
  readonly slowClock?: boolean;
  readonly sleeps?: boolean;
  /** Whether it may lose its connection to a node at any time, and connect again. */
  readonly reconnects?: boolean;
  /** Whether it may connect to another node before it leaves the first. */
  readonly moves?: boolean;
  /** Whether it may leave a node with a farewell. */
  readonly leaves?: boolean;
  /** Whether its wall clock may be set forward, and back. */
  readonly setsClock?: boolean;
  /** Whether it begins without a connection and a snapshot. */
  readonly isNew?: boolean;
}

/** A small fleet and its possible faults. */
export interface Scenario {
  readonly name: string;
  readonly why: string;
  readonly roles: readonly Role[];
  readonly followers?: readonly FollowerRole[];
  /** L and W in ticks; 1 and 2 by default. */
  readonly lease?: number;
  readonly wait?: number;
  /** 1 by default. */
  readonly revocations?: number;
  readonly servers?: 1 | 2;
  /** How often one revocation is published in one epoch; 2 by default. */
  readonly mostPublications?: number;
  /** The limit on drawn tickets, if any. */
  readonly mostTickets?: number;
  /**
   * The initial state. `empty`: Redis is empty and no process has joined. `joined`: all are in an epoch that they have
   * known for long. `committed`: joined, and all revocations were committed since.
   */
  readonly begins?: 'empty' | 'joined' | 'committed';
  readonly faults?: Partial<Faults>;
  /**
   * `replicas`: a write counts only when the replicas have it, and an old primary may still accept writes. `none`:
   * writes wait for no replica, so Redis's own settings must prevent the second.
   */
  readonly waitsFor?: 'replicas' | 'none';
  /** The limit on heartbeats of a process. If set, beats are counted and silent nodes are removed. */
  readonly mostBeats?: number;
  /**
   * Whether revocations may commit in any order. If nothing depends on their numbers, they commit in numerical order:
   * every other history is one of those with exchanged names.
   */
  readonly commitsInAnyOrder?: boolean;
  /**
   * Whether the answer to a heartbeat may take time. With an immediate answer the holder is current for longer, and can
   * do all other steps later too. So this matters only if the lease does not count from the stamp.
   */
  readonly slowAnswers?: boolean;
  /** Whether the heartbeat of an earlier join may still be under way. */
  readonly lateBeats?: boolean;
  /** Whether a node keeps its view, and the lease of it, when its epoch ends. The next load is then added to the view. */
  readonly keepsViews?: boolean;
  /** Whether a heartbeat is sent, arrives and is answered in one step. */
  readonly quickBeats?: boolean;
  /** How often a node may join, if there are followers: each join has a name of its own. */
  readonly mostJoinings?: number;
  /**
   * Whether the heartbeat of a follower and its answer may take time. If not, both arrive at once: see `slowAnswers`.
   */
  readonly slowGrants?: boolean;
  /** Whether snapshots are sent in two parts, with entries of the stream between them. */
  readonly snapshotsInParts?: boolean;
  /** Whether a follower that connects again may go on from its position. */
  readonly goesOn?: boolean;
  /** Whether the position of a follower may arrive after its connection was lost. */
  readonly latePositions?: boolean;
}

export interface Model {
  readonly scenario: Scenario;
  readonly keeps: (rule: Rule) => boolean;
  readonly lease: number;
  readonly wait: number;
}

/** Whether any clock of the scenario is slow. */
export const hasSlowClock = ({ scenario: { roles, followers = [] } }: Model): boolean =>
  [...roles, ...followers].some(({ slowClock }) => slowClock);

export function modelOf(scenario: Scenario, without?: Rule): Model {
  const { lease = LEASE, wait = WAIT } = scenario;
  return { scenario, keeps: (rule) => rule !== without, lease, wait };
}

/** One rule of the protocol: offers the steps that it permits in a state. */
export type Moves = (model: Model, world: World, offer: Offer<World>) => void;

/** An empty registry: each join of each process has a place. */
export const emptyRegistry = ({ roles, mostJoinings = 1 }: Scenario): undefined[] =>
  Array.from({ length: roles.length * mostJoinings }, () => undefined);
