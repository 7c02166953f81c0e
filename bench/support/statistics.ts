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
    // Every other round backwards, and each begins as often as any other: what ran just before may leave something
    // behind, a busy disk or a warm processor, and must not always be the same.
    const rotation = Math.floor(round / 2) % names.length;
    const order = [...names.slice(rotation), ...names.slice(0, rotation)];
    if (round % 2 === 1) order.reverse();
    for (const name of order) results[name].push(await subjects[name]());
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
