/* eslint-disable jest/no-export -- Two models declare the same tests. */
import { explore, type System } from './explorer';

interface Named {
  readonly name: string;
}

/** A model and what it is explored with. */
export interface Explored<World, Scenario extends Named, Rule extends string> {
  /** @param without a rule to leave out */
  readonly systemOf: (scenario: Scenario, without?: Rule) => System<World>;
  readonly scenarios: readonly Scenario[];
  /** What must happen in some scenario: a model keeps every promise if nothing happens. */
  readonly signs: readonly string[];
  readonly rules: readonly Rule[];
  readonly mutants: readonly { readonly without: Rule; readonly in: Scenario }[];
  /** Rules without which no promise breaks. */
  readonly harmless?: readonly Rule[];
}

/** Declares the tests that the model keeps its promises in every reachable state, and that each rule is needed. */
export function prove<World, Scenario extends Named, Rule extends string>(
  model: Explored<World, Scenario, Rule>,
): void {
  const { systemOf, scenarios, signs, rules, mutants, harmless = [] } = model;

  /** With TRACES set, the exploration is printed: TRACES=1 npx jest test/model */
  const said: string[] = [];
  afterAll(() => {
    if (process.env.TRACES) process.stdout.write(`${said.join('\n')}\n`);
  });

  describe('every promise is kept in every reachable state', () => {
    const seen = new Set<string>();

    test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
      'with %s',
      (name, scenario) => {
        const { fault, states, transitions, depth, signs: found } = explore(systemOf(scenario));
        expect(fault).toBeUndefined();
        for (const sign of found) seen.add(sign);
        said.push(`${name}: ${states} states, ${transitions} transitions, depth ${depth}`);
      },
    );

    test('and not by inaction', () => {
      expect([...seen].sort()).toEqual([...signs].sort());
    });
  });

  describe('without one of the rules a promise is broken', () => {
    test.each(mutants.map((mutant) => [mutant.without, mutant] as const))('%s', (without, mutant) => {
      const { fault } = explore(systemOf(mutant.in, without));
      const steps = (fault?.trace ?? []).map((step, index) => `  ${index + 1}. ${step}`);
      said.push(
        '',
        `Without "${without}" (${mutant.in.name}):`,
        ...steps,
        `  So ${fault?.what ?? 'nothing'}.`,
      );
      expect(fault).toBeDefined();
    });

    test('and every rule has such a case', () => {
      expect([...mutants.map(({ without }) => without), ...harmless].sort()).toEqual([...rules].sort());
    });
  });
}
