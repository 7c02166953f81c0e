import { isIP } from 'node:net';
import type { SettingsReader } from './settings';

/**
 * Reads a URL that something is added to, or that is compared as a text: scheme, host and at most a path.
 *
 * @param why why it must not end with a slash
 */
function readBaseUrl(read: SettingsReader, name: string, fallback: string, why: string): string {
  const text = read.text(name, fallback);
  if (!URL.canParse(text) || !['http:', 'https:'].includes(new URL(text).protocol)) {
    // The sentence does not show the value: a URL often holds a password.
    read.fault(`${name} is not a URL that starts with http:// or https://.`);
    return fallback;
  }
  const { search, hash, username, password } = new URL(text);
  if (search || hash || text.endsWith('?') || text.endsWith('#'))
    read.fault(`${name} has a query or a fragment. Write scheme, host and at most a path.`);
  else if (username || password) read.fault(`${name} has a user or a password in it. Leave them out.`);
  else if (text.endsWith('/')) read.fault(`${name} ends with a slash. Leave it out: ${why}.`);
  return text;
}

/** Reads the issuer. Services compare its text, so it must have one form, which RFC 8414, section 2, allows. */
export const readIssuer = (read: SettingsReader): string =>
  readBaseUrl(read, 'ISSUER', 'http://localhost:4000', 'services compare the text');

/** Reads the address of the pages that links in mails open. */
export const readAppUrl = (read: SettingsReader): string =>
  readBaseUrl(read, 'APP_URL', 'http://localhost:3000', 'links add a path');

/** Reads the address of a service that knows breached passwords, which the first digits of a hash are added to. */
export function readBreachUrl(read: SettingsReader): string {
  const fallback = 'https://api.pwnedpasswords.com/range/';
  const url = read.text('PASSWORD_BREACH_URL', fallback);
  const isUsable = URL.canParse(url) && ['http:', 'https:'].includes(new URL(url).protocol);
  if (isUsable && url.endsWith('/') && !new URL(url).search && !new URL(url).hash) return url;
  // The sentence does not show the value, which may hold a key.
  read.fault('PASSWORD_BREACH_URL must be a URL that starts with http:// or https:// and ends with a slash.');
  return fallback;
}

/** Reads the address, or a host name, to listen on. */
export function readHost(read: SettingsReader): string {
  const host = read.text('HOST', '127.0.0.1');
  if (!isIP(host) && !/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(host))
    read.fault(
      `HOST is "${host}". Write only an address or a name, like 0.0.0.0 or ::1. Set the port with PORT.`,
    );
  return host;
}
