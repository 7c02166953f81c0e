/** One measurement. */
export interface Figure {
  readonly name: string;
  readonly measured: string;
  /** The aim, if there is one, and whether it is met. */
  readonly aim?: { readonly text: string; readonly met: boolean };
}

export interface Report {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** @param met the result of the caller's comparison, before rounding */
export const aim = (text: string, met: boolean): Figure['aim'] => ({ text, met });

export function print(reports: readonly Report[]): void {
  const rows = reports.flatMap(({ title, figures }) => [
    [title],
    ...figures.map(({ name, measured, aim }) => [
      `  ${name}`,
      measured,
      aim?.text ?? '',
      aim ? (aim.met ? 'met' : 'not met') : '',
    ]),
  ]);
  const table = [['', 'measured', 'aim', ''], ...rows];
  const widthOf = (column: number) =>
    Math.max(...table.filter((row) => row.length > 1).map((row) => row[column]?.length ?? 0));
  const widths = [0, 1, 2, 3].map(widthOf);
  for (const row of table) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

/**
 * Runs a benchmark. Prints its report, or sends it to the program that started this one.
 */
export function runBench(title: string, measure: () => Promise<Figure[]>): void {
  measure().then(
    (figures) => {
      const report: Report = { title, figures };
      if (process.send) process.send(report, () => process.exit(0));
      else {
        print([report]);
        process.exit(0);
      }
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}

export const milliseconds = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
export const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;
export const times = (value: number): string => value.toFixed(3);
export const note = (text: string): void => console.error(`  ${text}`);
