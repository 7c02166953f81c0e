import { packAndUnpack } from './packed-states';
import { prove } from './prove';
import { modelOf, RULES } from './writes/model';
import { MUTANTS, SCENARIOS } from './writes/scenarios';
import { packWorld, unpackWorld, type World, type Writer } from './writes/state';
import { SIGNS, systemOf } from './writes/system';

test('a state is read as it was written', () => {
  // Numbers that differ, so that an exchange of two is noticed.
  let last = 0;
  const number = () => (last += 1);
  const session = () => ({
    version: number(),
    globalVersion: number(),
    generation: number(),
    salt: number(),
    ended: number(),
  });
  const rows = () => ({ user: number(), fleet: number(), sessions: [session(), session()] });
  const writer = (flag: boolean): Writer => ({
    step: number(),
    snapshot: flag ? rows() : undefined,
    written: flag ? undefined : rows(),
    token: { generation: number(), salt: number() },
    granted: flag
      ? { generation: number(), salt: number(), version: number(), globalVersion: number(), age: number() }
      : undefined,
    isAnswered: flag,
    uses: number(),
    isStale: !flag,
    age: number(),
  });
  const world: World = {
    rows: rows(),
    userHeldBy: number(),
    fleetHeldBy: number(),
    sessionsHeldBy: [number(), number()],
    writers: [writer(true), writer(false)],
    beyondGrace: number(),
    doomed: number(),
    entry: { stage: 'committed', age: number() },
    wrong: number(),
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
