const decodes = (text: string) => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/**
 * Finds what a password that was put into a URL as it is does to that URL: the parser cuts it short, or throws.
 *
 * @returns what is wrong, to follow the name of the setting; nothing of the URL is in it
 */
export function faultOfEscapes(url: string): string | undefined {
  if (/%(?![0-9a-f]{2})/i.test(url) || !decodes(url))
    return 'has a % that does not begin an escape like %40. Write %25 for a % in a password.';
  if (url.includes('#')) return 'has a #. Write %23 for a # in a password.';
  // Without an @ before it, what ends the host here stands in the middle of a password.
  if (/^[a-z]+:\/\/[^/?@]*:[^/?@]*\/[^?]*@/i.test(url))
    return 'has an @ behind a slash. Write %2F for a / in a password.';
  if (/^[a-z]+:\/\/[^/?@]*:[^/?@]*\?.*@/i.test(url))
    return 'has an @ behind a question mark. Write %3F for a ? in a password.';
  return undefined;
}
