/** The value below which that share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (value === undefined) throw new Error('There are no samples.');
  return value;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/**
 * Runs the subjects in turn, round after round, and answers what each measured in each round. In turn, since a machine
 * that is busy for a while is then busy for all of them alike.
 */
export async function inTurn<Name extends string>(
  rounds: number,
  subjects: Record<Name, () => number | Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    // Each is first as often as any other: being first, or behind a certain other one, may cost something.
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as Name;
      results[name].push(await subjects[name]());
    }
  }
  return results;
}

/** The median of the ratios of each round, not the ratio of medians: what a round shares cancels out. */
export const ratio = (numerators: readonly number[], denominators: readonly number[]): number =>
  median(numerators.map((numerator, round) => numerator / (denominators[round] ?? NaN)));

/** What it took, in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
