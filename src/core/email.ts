import { domainToASCII } from 'node:url';

/** The longest email (RFC 5321, section 4.5.3.1.3). */
export const LONGEST_EMAIL = 254;

/**
 * Characters that leave no visible mark: control characters, separators, U+2800 (an empty Braille pattern), and those
 * that Unicode lets software ignore, such as U+200B (zero width space) and variation selectors.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{C}\p{Z}\u2800]/u;

/** Whether the email has an invisible character, by which two emails that look alike could differ. */
export const hasInvisible = (email: string): boolean => INVISIBLE.test(email);

/**
 * Folds letter case and spellings, much as Unicode's NFKC_Casefold does. All forms of a letter become one, including
 * those that share only an upper case (ß and ss, the two small sigmas).
 */
export function foldCase(text: string): string {
  const lower = text.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC').toLowerCase();
  return lower.replaceAll('ς', 'σ').normalize('NFKC');
}

/** `"ada.lovelace"` is another way to write `ada.lovelace` (RFC 5321, section 4.1.2). */
const unquoted = (local: string): string =>
  /^"[^]*"$/.test(local) ? local.slice(1, -1).replace(/\\([^])/g, '$1') : local;

/**
 * Returns the form in which emails are compared. It is the same for spellings that people or mail systems treat as
 * equal: letter case, Unicode forms, quotation marks, and a domain in Unicode or as in DNS (RFC 5891). Rules of one
 * provider, such as dots or a plus sign that are ignored, are not applied.
 */
export function emailKey(email: string): string {
  const at = email.lastIndexOf('@');
  if (at < 0) return foldCase(email);
  const domain = email.slice(at + 1);
  // DNS has its own rules: it keeps ß and ss apart.
  return `${foldCase(unquoted(email.slice(0, at)))}@${domainToASCII(domain) || foldCase(domain)}`;
}

/**
 * Returns the text with which the keys of emails begin that begin with `start`. A domain in Unicode must be whole: a part
 * of it is written differently in DNS.
 */
export function emailPrefixKey(start: string): string {
  const at = start.lastIndexOf('@');
  const domain = start.slice(at + 1);
  // The part of a domain in ASCII is taken as it is: 1 alone would be read as the address 0.0.0.1.
  if (at < 0 || !/^[\x20-\x7e]*$/.test(domain)) return emailKey(start);
  return emailKey(start.slice(0, at + 1)) + domain.toLowerCase();
}
