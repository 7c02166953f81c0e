import type { Env } from './env';

/** Returns the fewest letters to add, to leave out or to replace that make one text the other (Levenshtein). */
function distance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const line = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const [left = 0, up = 0, corner = 0] = [line[column - 1], above[column], above[column - 1]];
      line.push(Math.min(left + 1, up + 1, corner + (from[row - 1] === to[column - 1] ? 0 : 1)));
    }
    above = line;
  }
  return above[to.length] ?? 0;
}

/** How many letters may differ: none in short names, because other variables come as close. */
function mostWrong(name: string): number {
  if (name.length >= 8) return 2;
  return name.length >= 6 ? 1 : 0;
}

/**
 * Finds variables whose name is similar to that of a setting that is not set.
 *
 * @param known the names of all settings
 */
export function findMisspelt(env: Env, known: ReadonlySet<string>): { given: string; meant: string }[] {
  const unset = [...known].filter((name) => !env[name]);
  const strangers = Object.keys(env).filter((name) => !known.has(name) && env[name]);
  return strangers.flatMap((given) => {
    const meant = unset.find((name) => {
      const most = mostWrong(name);
      return Math.abs(given.length - name.length) <= most && distance(given.toUpperCase(), name) <= most;
    });
    return meant === undefined ? [] : [{ given, meant }];
  });
}
