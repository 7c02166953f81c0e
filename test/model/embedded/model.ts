import type { Offer } from '../explorer';
import { bitOf, NOTHING, type Revocations } from '../state';
import {
  type Connection,
  type Faults,
  type Follower,
  OVER,
  type Revocation,
  unusedConnection,
  type World,
} from './state';

/** The rules that can be removed, one at a time, to see what each prevents. */
export const RULES = [
  'a grant counts from the stamp',
  'a grant counts when its tail was applied',
  'a grant is shrunk for slow clocks',
  'a follower counts by the larger of two clocks',
  'only a current view grants',
  'a snapshot is sent after the load',
  'what a load finds is sent too',
  'each load begins its followers anew',
  'positions belong to a snapshot',
  'a snapshot is added to the view',
  'a follower goes on in one epoch only',
  'the numbers have a new id at each start',
  'the numbers have a new id at each load',
  'followers are counted',
  'a follower is counted until its grant is over',
  'the node waits for grants by the monotonic clock',
  'the old grants are waited for after an overfull view',
  'a node that stops takes its grants back first',
  'a follower gives up its lease before its farewell',
  'a revocation is taken in before the grants are looked at',
  'the node has run for W before a fast confirmation',
  'W counts from taking the revocation in',
  'W is longer than a grant',
] as const;
export type Rule = (typeof RULES)[number];

/** The embedded mode: one node without Redis, which makes every revocation, and the services that follow it. */
export interface Scenario {
  readonly name: string;
  readonly why: string;
  /** 1 by default. */
  readonly followers?: 1 | 2;
  /** Connections that a follower may open, one after the other; 1 by default. */
  readonly connections?: 1 | 2;
  /** 1 by default. */
  readonly revocations?: 1 | 2;
  /** Whether a follower may say farewell to a connection: it stops, or it moves to its next one. */
  readonly leaves?: boolean;
  /** Whether the clock of the first follower loses every second tick, and its machine may sleep. */
  readonly slowClock?: boolean;
  /**
   * Whether a heartbeat and its answer may be under way for any time. With an immediate answer, the follower is current
   * for longer, and can do all other steps later too. So this matters only without some of the rules.
   */
  readonly late?: boolean;
  /** Whether each follower begins with a connection and its snapshot. */
  readonly joined?: boolean;
  readonly faults?: Partial<Faults>;
}

export interface Model {
  readonly scenario: Scenario;
  readonly keeps: (rule: Rule) => boolean;
}

export const modelOf = (scenario: Scenario, without?: Rule): Model => ({
  scenario,
  keeps: (rule) => rule !== without,
});

/** Offers the steps that one part of the protocol permits in a state. */
export type Moves = (model: Model, world: World, offer: Offer<World>) => void;

/**
 * Time passes in ticks, as in the model of the lease. A node counts on what it granted for L of its own ticks. Beside a
 * slow clock, which loses every second tick, L is two ticks, and a grant is shrunk to one.
 */
export const leaseOf = ({ scenario }: Model): number => (scenario.slowClock ? 2 : 1);
export const grantOf = (model: Model): number =>
  model.keeps('a grant is shrunk for slow clocks') ? 1 : leaseOf(model);
export const waitOf = (model: Model): number =>
  model.keeps('W is longer than a grant') ? leaseOf(model) : leaseOf(model) - 1;

/** What is stored: in the log of the database, from the commit on. */
export const committedOf = ({ revocations }: World): Revocations =>
  revocations.reduce((all, { stage }, number) => (stage === 'none' ? all : all | bitOf(number)), NOTHING);
export const confirmedOf = ({ revocations }: World): Revocations =>
  revocations.reduce(
    (all, { stage }, number) => (stage === 'confirmed' ? all | bitOf(number) : all),
    NOTHING,
  );

/** Whether a follower may answer a check by its view. */
export const isCurrent = (follower: Follower): boolean =>
  follower.connections.some(({ leaseAge }) => leaseAge !== OVER);

export const nameOf = ({ scenario }: Model, follower: number, connection?: number): string => {
  const name = scenario.followers === 2 ? `follower ${follower + 1}` : 'the follower';
  return connection === undefined || (scenario.connections ?? 1) === 1
    ? name
    : `${name} (connection ${connection + 1})`;
};

export const connectionsOf = ({ followers }: World): Connection[] =>
  followers.flatMap(({ connections }) => connections);

/** Calls `each` with every connection of every follower. */
export function eachConnection(
  world: World,
  each: (connection: Connection, follower: number, number: number) => void,
): void {
  for (const [follower, { connections }] of world.followers.entries())
    for (const [number, connection] of connections.entries()) each(connection, follower, number);
}

const NO_FAULTS: Faults = {
  crashes: 0,
  stops: 0,
  lostConnections: 0,
  overfulls: 0,
  clockJumps: 0,
  lostCommits: 0,
};

export const spend = (world: World, fault: keyof Faults): void => {
  world.faults[fault] -= 1;
};

/** The node has run for long. */
export function startOf(scenario: Scenario): World {
  const { followers = 1, connections = 1, revocations = 1, faults, joined = false } = scenario;
  const first: Connection = {
    ...unusedConnection(),
    ...(joined && { stage: 'open', isHeard: true, begun: 1, loaded: 1, id: 1 }),
  };
  const none: Revocation = { stage: 'none', joining: 0, position: 0, age: 0, noted: 0 };
  return {
    node: { stage: 'serving', run: 1, joining: 1, age: 2, view: NOTHING, log: [] },
    followers: Array.from({ length: followers }, () => ({
      view: NOTHING,
      asleep: false,
      connections: Array.from({ length: connections }, (_, number) =>
        number === 0 ? { ...first } : unusedConnection(),
      ),
    })),
    revocations: Array.from({ length: revocations }, () => ({ ...none })),
    faults: { ...NO_FAULTS, ...faults },
    phase: 0,
  };
}
