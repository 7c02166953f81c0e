import { dictionary } from '@zxcvbn-ts/language-common';

/** In characters, not bytes or UTF-16 units: what a person would count. */
const SHORTEST = 8;
const LONGEST = 128;

const COMMON: ReadonlySet<string> = new Set(dictionary.passwords.filter((word) => word.length >= SHORTEST));

/**
 * What is wrong with a new password, as a sentence for its owner. Length and commonness are all that counts (OWASP ASVS
 * 6.2.1, 6.2.4, 6.2.5, 6.2.9): no rule about digits or signs, no trimming, no change of any character.
 */
export function faultOf(password: string): string | undefined {
  // A UTF-16 string four times too long is too long in characters as well: not counted, so that size costs nothing.
  const length = password.length > 4 * LONGEST ? password.length : Array.from(password).length;
  if (length < SHORTEST) return `The password needs at least ${SHORTEST} characters.`;
  if (length > LONGEST) return `The password may have at most ${LONGEST} characters.`;
  if (!password.isWellFormed())
    return 'The password holds half of a character, which no keyboard would enter again.';
  if (COMMON.has(password.toLowerCase()))
    return 'This password is among the most common ones. Choose another.';
  return undefined;
}
