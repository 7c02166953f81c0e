import { dictionary } from '@zxcvbn-ts/language-common';
import { foldCase } from '../core/email';
import type { Passwords } from '../core/ports/passwords';

/** In characters (not bytes or UTF-16 units), as a person counts them. */
const SHORTEST = 8;
const LONGEST = 128;

/** Fewer different characters make a pattern: one key, or a few in turn. */
const FEWEST_DIFFERENT = 4;

/** Shorter words occur in too many good passwords by chance. */
const SHORTEST_NAME = 4;

/** Characters that a password needs besides the email and the names of the service. */
const FEWEST_OWN = 4;

const COMMON: ReadonlySet<string> = new Set(dictionary.passwords.filter((word) => word.length >= SHORTEST));

/** The names of the service. Attackers try them first. */
export interface PolicyNames {
  readonly issuer: string;
  readonly audience: string;
  /** As users read it. */
  readonly serviceName: string;
}

/** Returns an email, a host or a name, and the words in it. */
const namesIn = (text: string): string[] => [text, ...text.split('@'), ...text.split(/[^\p{L}\p{N}]+/u)];

/** Whether each character follows the previous one, up or down: `23456789`, `hgfedcba`. */
function isSequence(characters: readonly string[]): boolean {
  const steps = characters.slice(1).map((character, i) => {
    const before = characters[i]?.codePointAt(0) ?? 0;
    return (character.codePointAt(0) ?? 0) - before;
  });
  const [first] = steps;
  return Math.abs(first ?? 0) === 1 && steps.every((step) => step === first);
}

/** Removes these names from a password. Long names go first, because they may contain short ones. */
function withoutNames(password: string, names: readonly string[]): string {
  const longestFirst = names
    .map(foldCase)
    .filter((name) => name.length >= SHORTEST_NAME)
    .sort((a, b) => b.length - a.length);
  return longestFirst.reduce((rest, name) => rest.replaceAll(name, ''), password);
}

/**
 * Creates the rules for new passwords: length, and not easy to guess (OWASP ASVS 6.2.1, 6.2.4, 6.2.9, 6.2.11). Digits
 * and signs are not required (6.2.5). The password is never changed (6.2.8).
 */
export function createPolicy({ issuer, audience, serviceName }: PolicyNames): Passwords['faultOf'] {
  const serviceNames = ['tokenfence', ...[new URL(issuer).hostname, audience, serviceName].flatMap(namesIn)];

  return (password, email) => {
    // Four times too long in UTF-16 units is too long in characters too: rejected without counting, so size costs
    // nothing.
    const characters = password.length > 4 * LONGEST ? undefined : Array.from(password);
    if (!characters || characters.length > LONGEST)
      return `The password may have at most ${LONGEST} characters.`;
    if (characters.length < SHORTEST) return `The password needs at least ${SHORTEST} characters.`;
    if (!password.isWellFormed())
      return 'The password contains an invalid Unicode character. Choose another.';
    if (COMMON.has(password.toLowerCase()))
      return 'This password is among the most common ones. Choose another.';
    if (new Set(characters).size < FEWEST_DIFFERENT)
      return `The password needs at least ${FEWEST_DIFFERENT} different characters.`;
    if (isSequence(characters)) return 'The password is only a sequence of characters. Choose another.';
    const own = withoutNames(foldCase(password), [...serviceNames, ...namesIn(email)]);
    if (own.length < FEWEST_OWN && own.length < foldCase(password).length)
      return 'The password must be more than your email or the name of this service. Choose another.';
    return undefined;
  };
}
