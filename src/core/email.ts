import { domainToASCII } from 'node:url';

/** The longest email (RFC 5321, section 4.5.3.1.3). */
export const LONGEST_EMAIL = 254;

/**
 * Characters that leave no mark of their own: control characters, separators, U+2800 (an empty Braille pattern), and what
 * Unicode lets software leave out, such as U+200B (zero width space) and variation selectors.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{C}\p{Z}\u2800]/u;

/** Whether two emails that look alike could differ by such a character. An account must not have one in its email. */
export const hasInvisible = (email: string): boolean => INVISIBLE.test(email);

/**
 * Folds letter case and ways of writing, much as Unicode's NFKC_Casefold does: all forms of a letter become one, those too
 * that only its upper case shows to be one (ß and ss, the two small sigmas).
 */
export function foldCase(text: string): string {
  const lower = text.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC').toLowerCase();
  return lower.replaceAll('ς', 'σ').normalize('NFKC');
}

/** `"ada.lovelace"` is another way to write `ada.lovelace` (RFC 5321, section 4.1.2). */
const unquoted = (local: string): string =>
  /^"[^]*"$/.test(local) ? local.slice(1, -1).replace(/\\([^])/g, '$1') : local;

/**
 * The form in which emails are compared: the same for all that people or mail systems take for one. That is letter case,
 * every way of writing a character, quotation marks, and a domain in Unicode or as DNS has it (RFC 5891). What one
 * provider alone ignores, such as dots or what follows a plus sign, makes another email.
 */
export function emailKey(email: string): string {
  const at = email.lastIndexOf('@');
  if (at < 0) return foldCase(email);
  const domain = email.slice(at + 1);
  // DNS has its own rules: to it ß and ss are two.
  return `${foldCase(unquoted(email.slice(0, at)))}@${domainToASCII(domain) || foldCase(domain)}`;
}
