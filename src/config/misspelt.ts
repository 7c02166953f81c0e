import { distance } from 'fastest-levenshtein';
import type { Env } from './env';

/** Settings that say where the data is: a start without them would work on other data. */
const DECISIVE = ['DATABASE_URL', 'REDIS_URL'];

/** Letters that may be wrong: none in names so short that other variables come as close. */
const mostWrong = (name: string) => (name.length >= 8 ? 2 : name.length >= 6 ? 1 : 0);

export interface Misspelt {
  /** The variable that is set. */
  readonly given: string;
  /** The setting that it comes close to, and that is not set. */
  readonly meant: string;
  /** Whether the server must not start. */
  readonly isDecisive: boolean;
}

/**
 * Finds variables that come close to the name of a setting which is not set.
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
