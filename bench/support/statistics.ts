/** The value below which this share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (value === undefined) throw new Error('No samples.');
  return value;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/**
 * Runs the subjects in turn, round after round, and returns the measurement of each in each round. In turn, because a
 * machine that is busy for a while is then busy for all of them.
 */
export async function inTurn<Name extends string>(
  rounds: number,
  subjects: Record<Name, () => number | Promise<number>>,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    // Every other round runs backwards, and each subject begins equally often: the one before may leave something
    // behind, like a busy disk or a warm processor, and must not always be the same.
    const rotation = Math.floor(round / 2) % names.length;
    const order = [...names.slice(rotation), ...names.slice(0, rotation)];
    if (round % 2 === 1) order.reverse();
    for (const name of order) results[name].push(await subjects[name]());
  }
  return results;
}

/** The median of the ratios of the rounds, not the ratio of medians: common effects of a round cancel out. */
export const ratio = (numerators: readonly number[], denominators: readonly number[]): number =>
  median(numerators.map((numerator, round) => numerator / (denominators[round] ?? NaN)));

/** Runs the work and returns its time in ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
