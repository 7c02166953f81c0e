import { emptyRegistry, type Model, type Scenario } from './model';
import { bitOf, type Data, type Faults, NONE, NOTHING, type World } from './state';
import type { Host, Link } from './state-followers';

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

const freshData = (id: number, scenario: Scenario): Data => ({
  id,
  run: 0,
  line: 0,
  filled: true,
  stream: [],
  streamLost: false,
  registry: emptyRegistry(scenario),
  record: NONE,
  ticket: NONE,
});

const freshHost = (joining: number): Host => ({
  joining,
  first: 1,
  began: 0,
  recent: [],
  reported: 0,
  grants: [],
});

/** @param joining of the node that the follower is connected to; 0 for none */
const freshLink = (joining: number): Link => ({
  isConnected: joining > 0,
  begun: joining,
  rest: NONE,
  sent: [],
  joining,
  id: joining,
  position: 0,
  isWhole: joining > 0,
  beat: undefined,
  granted: undefined,
  lease: undefined,
  late: undefined,
});

/** The second server is a replica of the first. Followers begin with the first node. */
export function startOf({ scenario, lease, wait }: Model): World {
  const { roles, followers, revocations = 1, servers = 1, faults, begins = 'empty' } = scenario;
  const id = begins === 'empty' ? 0 : 1;
  const firstNode = roles.findIndex(({ keepsView }) => keepsView);
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
      data: id > 0 ? freshData(id, scenario) : undefined,
      saved: undefined,
    })),
    processes: roles.map(({ keepsView }) => ({
      stage: id > 0 && keepsView ? 'following' : 'away',
      id,
      knownFor: id > 0 ? wait : 0,
      view: NOTHING,
      position: 0,
      beats: 0,
      beat: undefined,
      lateBeat: undefined,
      leaseAge: lease,
      leaseTail: 0,
      viewAge: lease,
      filling: undefined,
      healing: undefined,
      asleep: false,
      wasRemoved: false,
    })),
    hosts: followers ? roles.map(({ keepsView }) => freshHost(keepsView ? id : 0)) : [],
    followers: (followers ?? []).map(({ isNew }) => ({
      view: NOTHING,
      links: roles.map((_, index) => freshLink(index === firstNode && !isNew ? id : 0)),
      from: scenario.goesOn && id > 0 && !isNew ? { id, position: 0 } : undefined,
      asleep: false,
    })),
    faults: { ...NO_FAULTS, ...faults },
    epochs: id,
    runs: servers - 1,
    lines: 0,
    tickets: 0,
    phase: 0,
  };
}
