/** A word in a User-Agent, and what people call it. The first that is found counts: Edge also names Chrome and Safari. */
type Names = readonly (readonly [RegExp, string])[];

const BROWSERS: Names = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

const SYSTEMS: Names = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

const nameIn = (names: Names, text: string) => names.find(([word]) => word.test(text))?.[1];

/**
 * Names the device behind a User-Agent, such as "Firefox on Windows"; of another program its first word. A stranger
 * chooses that text, and the mail goes to somebody else: so it is not repeated. No address or sentence gets through.
 */
export function deviceOf(userAgent: string | undefined): string {
  if (userAgent === undefined) return 'unknown';
  const [browser, system] = [nameIn(BROWSERS, userAgent), nameIn(SYSTEMS, userAgent)];
  if (browser !== undefined) return system === undefined ? browser : `${browser} on ${system}`;
  const [program] = /^[A-Za-z]{1,20}(?=\/|$)/.exec(userAgent) ?? [];
  return program === undefined || program === 'Mozilla' ? (system ?? 'unknown') : program;
}
