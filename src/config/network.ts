import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
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

/** Whether this is a name, an address or a network that TRUST_PROXY may have. */
const isTrustable = (item: string): boolean =>
  ['loopback', 'linklocal', 'uniquelocal'].includes(item) ||
  isIP(item) !== 0 ||
  // Not only the library's check, which would accept "10/8".
  (isIP(item.replace(/\/.*/, '')) !== 0 && ipaddr.isValidCIDR(item));

/**
 * Reads the number of proxies in front, or their addresses. Only these are trusted to name the client's address. `true`
 * is one proxy; Fastify's `true` would trust every client.
 */
export function readTrustProxy(read: SettingsReader): number | string[] | false {
  const items = read.list('TRUST_PROXY');
  const [only = 'false'] = items;
  if (items.length <= 1 && /^(false|true|\d{1,2})$/.test(only)) {
    if (only === 'true') return 1;
    return Number(only) || false;
  }
  for (const item of items.filter((each) => !isTrustable(each)))
    read.fault(
      `TRUST_PROXY names "${item}". Write the number of proxies, like 1, or their addresses, like 10.0.0.0/8.`,
    );
  return items;
}
