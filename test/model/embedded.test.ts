import * as harm from './embedded/harm';
import { modelOf, RULES } from './embedded/model';
import { MUTANTS, SCENARIOS } from './embedded/scenarios';
import { type Connection, NO_BEAT, packWorld, unpackWorld, type World } from './embedded/state';
import { SIGNS, systemOf } from './embedded/system';
import { packAndUnpack } from './packed-states';
import { prove } from './prove';

test('a state is read as it was written', () => {
  // Numbers that differ, so that an exchange of two is noticed.
  let last = 0;
  const number = () => (last += 1);
  const connection = (flag: boolean): Connection => ({
    stage: flag ? 'open' : 'farewell',
    isHeard: flag,
    begun: number(),
    from: number(),
    content: number(),
    reportedIn: number(),
    reported: number(),
    grantAge: number(),
    takeBack: flag ? 'sent' : 'returnedFirst',
    loaded: number(),
    id: number(),
    position: number(),
    beat: flag ? { stage: 'answered', joining: number(), position: number(), age: number() } : NO_BEAT,
    awaitedAge: number(),
    awaitedTail: number(),
    leaseAge: number(),
  });
  const world: World = {
    node: {
      stage: 'stopping',
      run: number(),
      joining: number(),
      age: number(),
      view: number(),
      log: [number(), number()],
    },
    followers: [true, false].map((flag) => ({
      view: number(),
      asleep: flag,
      connections: [connection(flag), connection(!flag)],
    })),
    revocations: (['looked', 'taken'] as const).map((stage) => ({
      stage,
      joining: number(),
      position: number(),
      age: number(),
      noted: number(),
    })),
    faults: {
      crashes: number(),
      stops: number(),
      lostConnections: number(),
      overfulls: number(),
      clockJumps: number(),
      lostCommits: number(),
    },
    phase: number(),
  };
  expect(packAndUnpack(packWorld, unpackWorld, world)).toEqual(world);
});

prove({
  systemOf: (scenario, without) => systemOf(modelOf(scenario, without)),
  scenarios: SCENARIOS,
  signs: SIGNS,
  rules: RULES,
  mutants: MUTANTS,
});

describe('followers that do harm', () => {
  prove({
    systemOf: harm.systemOf,
    scenarios: harm.SCENARIOS,
    signs: harm.SIGNS,
    rules: harm.RULES,
    mutants: harm.MUTANTS,
  });
});
