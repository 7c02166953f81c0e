import type { Offer } from './explorer';
import { bitOf, type Data, type Faults, NONE, NOTHING, type World } from './state';

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

/** The rules that can be removed, one at a time, to see what each prevents. */
export const RULES = [
  'the tail is noted before the load',
  'the load is of the full log',
  'a heartbeat counts when its tail was applied',
  'an epoch is bound to the run of its server',
  'an epoch is bound to the promotion of its server',
  'a lost stream ends the epoch',
  'a publication finds the stream',
  'a heartbeat behind the tail finds the stream',
  'a heartbeat names its epoch',
  'a heal names its epoch',
  'a heal is filled with its last entry',
  'records are named by their epoch',
  'a fill needs its ticket',
  'a publication voids the ticket',
  'a publication merges into the record',
  'a publication makes no record',
  'an epoch is known for W before a fast confirmation',
  'W is longer than L',
  'the stamp is taken before sending',
  'without Postgres, only a filled epoch is joined',
  'the nodes are noted with the publication',
  'the id and the nodes are read in one step',
  'a beat is compared before its node is removed',
  'a count of beats never comes again',
  'a slow confirmation finds the epoch unchanged',
  'records are read under the lease only',
  'a lease holds in its own epoch only',
  'a heartbeat counts when replicas have it',
  'a publication counts when replicas have it',
  'a gap in the stream is noticed',
  'the larger of two clocks counts',
  'a node that leaves gives up its view first',
  'late answers of an earlier join are not heard',
] as const;
export type Rule = (typeof RULES)[number];

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
}

/** A small fleet and its possible faults. */
export interface Scenario {
  readonly name: string;
  readonly why: string;
  readonly roles: readonly Role[];
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
}

export interface Model {
  readonly scenario: Scenario;
  readonly keeps: (rule: Rule) => boolean;
}

export function modelOf(scenario: Scenario, without?: Rule): Model {
  return { scenario, keeps: (rule) => rule !== without };
}

/** One rule of the protocol: offers the steps that it permits in a state. */
export type Moves = (model: Model, world: World, offer: Offer<World>) => void;

const NO_FAULTS: Faults = {
  flushes: 0,
  losses: 0,
  restarts: 0,
  promotions: 0,
  catchUps: 0,
  demotions: 0,
  evictedStreams: 0,
  evictedRecords: 0,
  trims: 0,
  lostAnswers: 0,
  takeovers: 0,
};

const freshData = (id: number, processes: number): Data => ({
  id,
  run: 0,
  line: 0,
  filled: true,
  stream: [],
  streamLost: false,
  registry: Array.from({ length: processes }, () => undefined),
  record: NONE,
  ticket: NONE,
});

/** The second server is a replica of the first. */
export function startOf({ roles, revocations = 1, servers = 1, faults, begins = 'empty' }: Scenario): World {
  const id = begins === 'empty' ? 0 : 1;
  return {
    committed: begins === 'committed' ? bitOf(revocations) - 1 : NOTHING,
    confirmed: NOTHING,
    publications: Array.from({ length: revocations }, () => undefined),
    servers: Array.from({ length: servers }, (_, index) => ({
      run: index,
      line: 0,
      known: index === 0,
      writable: index === 0,
      follows: index === 0 ? NONE : 0,
      data: id > 0 ? freshData(id, roles.length) : undefined,
      saved: undefined,
    })),
    processes: roles.map(({ keepsView }) => ({
      stage: id > 0 && keepsView ? 'following' : 'away',
      id,
      knownFor: id > 0 ? WAIT : 0,
      view: NOTHING,
      position: 0,
      beats: 0,
      beat: undefined,
      lateBeat: undefined,
      leaseAge: LEASE,
      leaseTail: 0,
      viewAge: LEASE,
      filling: undefined,
      healing: undefined,
      asleep: false,
      wasRemoved: false,
    })),
    faults: { ...NO_FAULTS, ...faults },
    epochs: id,
    runs: servers - 1,
    lines: 0,
    tickets: 0,
    phase: 0,
  };
}
