import type { Rule, Scenario } from './model';

const scenarios = {
  twoFollowers: {
    name: 'two followers',
    why: 'Two services follow the node, and it revokes.',
    followers: 2,
    joined: true,
  },
  lostConnection: {
    name: 'a lost connection',
    why: 'The node loses a connection, which the follower need not notice. It opens another one at any time.',
    connections: 2,
    faults: { lostConnections: 1 },
  },
  moving: {
    name: 'a follower that moves',
    why: 'It opens another connection, and leaves the first, or both.',
    connections: 2,
    leaves: true,
    joined: true,
  },
  lateAnswers: {
    name: 'late answers',
    why: 'Heartbeats and their answers are under way for any time, and the view is overfull in between.',
    joined: true,
    late: true,
    revocations: 2,
    faults: { overfulls: 1 },
  },
  slowClock: {
    name: 'a slow clock',
    why: 'The clock of the follower loses every second tick, and its machine may sleep.',
    slowClock: true,
    joined: true,
    revocations: 2,
  },
  wallClock: {
    name: 'a wall clock that is set',
    why: 'The wall clock of the node is set forward.',
    joined: true,
    faults: { clockJumps: 1 },
  },
  crash: {
    name: 'a crash and a quick restart',
    why: 'Followers hold grants that the next process does not know.',
    joined: true,
    connections: 2,
    faults: { crashes: 1 },
  },
  stop: {
    name: 'a clean stop',
    why: 'The node takes back its grants while a revocation is under way, and starts again.',
    joined: true,
    connections: 2,
    faults: { stops: 1 },
  },
  overfull: {
    name: 'an overfull view',
    why: 'The node gives up its view, and loads the log again.',
    joined: true,
    connections: 2,
    faults: { overfulls: 1, lostConnections: 1 },
  },
  lostCommit: {
    name: 'a commit that seems to fail',
    why: 'A load or a relay finds a revocation of which the process does not know.',
    joined: true,
    faults: { lostCommits: 1 },
  },
} satisfies Record<string, Scenario>;

export const SCENARIOS: readonly Scenario[] = Object.values(scenarios);

/** A removed rule, and the scenario in which its absence breaks the promise. */
export const MUTANTS: readonly { readonly without: Rule; readonly in: Scenario }[] = [
  { without: 'a grant counts from the stamp', in: scenarios.lateAnswers },
  { without: 'a grant counts when its tail was applied', in: scenarios.twoFollowers },
  { without: 'a grant is shrunk for slow clocks', in: scenarios.slowClock },
  { without: 'a follower counts by the larger of two clocks', in: scenarios.slowClock },
  { without: 'only a current view grants', in: scenarios.overfull },
  { without: 'a snapshot is sent after the load', in: scenarios.crash },
  { without: 'what a load finds is sent too', in: scenarios.lostCommit },
  { without: 'each load begins its followers anew', in: scenarios.overfull },
  { without: 'positions belong to a snapshot', in: scenarios.lateAnswers },
  { without: 'a snapshot is added to the view', in: scenarios.moving },
  { without: 'a follower goes on in one epoch only', in: scenarios.crash },
  { without: 'the numbers have a new id at each start', in: scenarios.crash },
  { without: 'the numbers have a new id at each load', in: scenarios.overfull },
  { without: 'followers are counted', in: scenarios.twoFollowers },
  { without: 'a follower is counted until its grant is over', in: scenarios.lostConnection },
  { without: 'the node waits for grants by the monotonic clock', in: scenarios.wallClock },
  { without: 'the old grants are waited for after an overfull view', in: scenarios.overfull },
  { without: 'a node that stops takes its grants back first', in: scenarios.stop },
  { without: 'a follower gives up its lease before its farewell', in: scenarios.moving },
  { without: 'a revocation is taken in before the grants are looked at', in: scenarios.twoFollowers },
  { without: 'the node has run for W before a fast confirmation', in: scenarios.crash },
  { without: 'W counts from taking the revocation in', in: scenarios.twoFollowers },
  { without: 'W is longer than a grant', in: scenarios.slowClock },
];
