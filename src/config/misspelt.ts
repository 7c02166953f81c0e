import { distance } from 'fastest-levenshtein';
import type { Env } from './env';

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
    const meant = unset.find((name) => distance(given.toUpperCase(), name) <= mostWrong(name));
    return meant === undefined ? [] : [{ given, meant }];
  });
}
