import { distance } from 'fastest-levenshtein';
import type { Env } from './env';

/** Settings that say where the data is. A server that starts without them would use other data. */
const DECISIVE = ['DATABASE_URL', 'REDIS_URL'];

/** How many letters may differ: none in short names, because other variables come as close. */
const mostWrong = (name: string) => (name.length >= 8 ? 2 : name.length >= 6 ? 1 : 0);

export interface Misspelt {
  readonly given: string;
  /** The setting with a similar name, which is not set. */
  readonly meant: string;
  /** Whether the server must not start. */
  readonly isDecisive: boolean;
}

/**
 * Finds variables whose name is similar to that of a setting that is not set.
 *
 * @param known the names of all settings
 */
export function findMisspelt(env: Env, known: ReadonlySet<string>): Misspelt[] {
  const unset = [...known].filter((name) => !env[name]);
  return Object.keys(env)
    .filter((name) => !known.has(name) && env[name])
    .flatMap((given) => {
      const upper = given.toUpperCase();
      const meant = unset.find(
        (name) =>
          Math.abs(name.length - given.length) <= mostWrong(name) && distance(upper, name) <= mostWrong(name),
      );
      return meant === undefined ? [] : [{ given, meant, isDecisive: DECISIVE.includes(meant) }];
    });
}
