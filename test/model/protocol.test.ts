import { explore } from './explorer';
import { modelOf, type Rule, RULES } from './model';
import { HARMLESS, MUTANTS } from './mutants';
import { SCENARIOS } from './scenarios';
import { SIGNS, systemOf } from './system';

/** With TRACES set, the exploration is printed: TRACES=1 npx jest test/model */
const said: string[] = [];
afterAll(() => {
  if (process.env.TRACES) process.stdout.write(`${said.join('\n')}\n`);
});

describe('the protocol keeps its promise in every reachable state', () => {
  const seen = new Set<string>();

  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))('with %s', (name, scenario) => {
    const { fault, states, transitions, depth, signs } = explore(systemOf(modelOf(scenario)));
    expect(fault).toBeUndefined();
    for (const sign of signs) seen.add(sign);
    said.push(`${name}: ${states} states, ${transitions} transitions, depth ${depth}`);
  });

  test('and does not keep it by inaction', () => {
    expect([...seen].sort()).toEqual([...SIGNS].sort());
  });
});

describe('without one of its rules the promise is broken', () => {
  test.each(MUTANTS.map((mutant) => [mutant.without, mutant] as const))('%s', (without, mutant) => {
    const { fault } = explore(systemOf(modelOf(mutant.in, without)));
    const steps = (fault?.trace ?? []).map((step, index) => `  ${index + 1}. ${step}`);
    said.push('', `Without "${without}" (${mutant.in.name}):`, ...steps, `  So ${fault?.what ?? 'nothing'}.`);
    expect(fault).toBeDefined();
  });

  test('and every rule has such a case', () => {
    const tried: Rule[] = [...MUTANTS.map(({ without }) => without), ...HARMLESS];
    expect(tried.sort()).toEqual([...RULES].sort());
  });
});
