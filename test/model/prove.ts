/* eslint-disable jest/no-export -- Two models declare the same tests. */
import { type Exploration, explore, type System } from './explorer';

interface Named {
  readonly name: string;
}

/** A model and what it is explored with. */
export interface Explored<World, Scenario extends Named, Rule extends string> {
  /** @param without a rule to leave out */
  readonly systemOf: (scenario: Scenario, without?: Rule) => System<World>;
  readonly scenarios: readonly Scenario[];
  /** Scenarios that take too long for each run: see `proveWide`. */
  readonly wide?: readonly Scenario[];
  /** What must happen in some scenario: a model keeps every promise if nothing happens. */
  readonly signs: readonly string[];
  readonly rules: readonly Rule[];
  readonly mutants: readonly { readonly without: Rule; readonly in: Scenario }[];
  /** Rules without which no promise breaks. */
  readonly harmless?: readonly Rule[];
}

const MOST_STATES_OF_WIDE = 5_000_000;

/** ms */
const TIME_FOR_WIDE = 1_200_000;

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
  const say = (name: string, { states, transitions, depth }: Exploration) =>
    said.push(`${name}: ${states} states, ${transitions} transitions, depth ${depth}`);

  describe('every promise is kept in every reachable state', () => {
    const seen = new Set<string>();

    test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
      'with %s',
      (name, scenario) => {
        const exploration = explore(systemOf(scenario));
        expect(exploration.fault).toBeUndefined();
        for (const sign of exploration.signs) seen.add(sign);
        say(name, exploration);
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

  if (process.env.WIDE) proveWide(model, say);
}

/** Declares what takes too long for each run: WIDE=1 TRACES=1 npx jest test/model */
function proveWide<World, Scenario extends Named, Rule extends string>(
  { systemOf, scenarios, harmless = [], wide = [] }: Explored<World, Scenario, Rule>,
  say: (name: string, exploration: Exploration) => void,
): void {
  const cases = [
    ...wide.map((scenario) => ({ scenario, without: undefined })),
    ...harmless.flatMap((without) => scenarios.map((scenario) => ({ scenario, without }))),
  ].map((each) => [each.scenario.name, each.without ?? 'nothing', each] as const);
  if (cases.length === 0) return;

  describe('every promise is kept', () => {
    test.each(cases)(
      'with %s, and without %s',
      (name, without, each) => {
        const exploration = explore(systemOf(each.scenario, each.without), MOST_STATES_OF_WIDE);
        expect(exploration.fault).toBeUndefined();
        say(each.without ? `${name}, without "${without}"` : name, exploration);
      },
      TIME_FOR_WIDE,
    );
  });
}
