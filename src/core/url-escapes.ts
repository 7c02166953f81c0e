/**
 * Finds characters of a password that are not escaped in a URL: the parser would cut the URL short, or throw.
 *
 * @returns the rest of a sentence that begins with the setting's name, without any part of the URL
 */
export function faultOfEscapes(url: string): string | undefined {
  try {
    decodeURIComponent(url);
  } catch {
    return 'has a % that does not begin an escape like %40. Write %25 for a % in a password.';
  }
  if (url.includes('#')) return 'has a #. Write %23 for a # in a password.';
  // Without an @ before it, the character that ends the host here is part of a password.
  if (/^[a-z-]+:\/\/[^/?@]*:[^/?@]*\/[^?]*@/i.test(url))
    return 'has an @ after a slash. Write %2F for a / in a password.';
  if (/^[a-z-]+:\/\/[^/?@]*:[^/?@]*\?.*@/i.test(url))
    return 'has an @ after a question mark. Write %3F for a ? in a password.';
  return undefined;
}
