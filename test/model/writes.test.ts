import { explore } from './explorer';
import { PackedStates } from './packed-states';
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
  const states = new PackedStates();
  states.begin();
  packWorld(states, world);
  states.add();
  states.open(0);
  expect(unpackWorld(states)).toEqual(world);
});

/** With TRACES set, the exploration is printed: TRACES=1 npx jest test/model */
const said: string[] = [];
afterAll(() => {
  if (process.env.TRACES) process.stdout.write(`${said.join('\n')}\n`);
});

describe('the writes keep their promises in every reachable state', () => {
  const seen = new Set<string>();

  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('with %s', (name, scenario) => {
    const { fault, states, transitions, depth, signs } = explore(systemOf(modelOf(scenario)));
    expect(fault).toBeUndefined();
    for (const sign of signs) seen.add(sign);
    said.push(`${name}: ${states} states, ${transitions} transitions, depth ${depth}`);
  });

  test('and do not keep them by inaction', () => {
    expect([...seen].sort()).toEqual([...SIGNS].sort());
  });
});

describe('without one of their rules a promise is broken', () => {
  test.each(MUTANTS.map((mutant) => [mutant.without, mutant] as const))('%s', (without, mutant) => {
    const { fault } = explore(systemOf(modelOf(mutant.in, without)));
    const steps = (fault?.trace ?? []).map((step, index) => `  ${index + 1}. ${step}`);
    said.push('', `Without "${without}" (${mutant.in.name}):`, ...steps, `  So ${fault?.what ?? 'nothing'}.`);
    expect(fault).toBeDefined();
  });

  test('and every rule has such a case', () => {
    expect(MUTANTS.map(({ without }) => without).sort()).toEqual([...RULES].sort());
  });
});
