import ipaddr from 'ipaddr.js';
import type { Faults, Reader } from './settings';

/** Reads the issuer. Services compare its text, so it must have one form, which RFC 8414, section 2, allows. */
export function readIssuer(read: Reader, faults: Faults): string {
  const issuer = read.url('ISSUER', ['http:', 'https:']) ?? 'http://localhost:4000';
  const { search, hash, username, password } = new URL(issuer);
  if (search || hash || issuer.endsWith('?') || issuer.endsWith('#'))
    faults.add('ISSUER has a query or a fragment. Write scheme, host and at most a path.');
  else if (username || password) faults.add('ISSUER has a user or a password in it. Leave them out.');
  else if (issuer.endsWith('/'))
    faults.add('ISSUER ends with a slash. Leave it out: services compare the text.');
  return issuer;
}

/** Reads the address, or a host name, to listen on. */
export function readHost(read: Reader, faults: Faults): string {
  const host = read.text('HOST', '127.0.0.1');
  if (ipaddr.isValid(host) || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(host)) return host;
  faults.add(
    `HOST is "${host}". Write only an address or a name, like 0.0.0.0 or ::1. Set the port with PORT.`,
  );
  return host;
}

/**
 * Reads the number of proxies in front, or their addresses. Only these are trusted to name the client's address. `true`
 * is one proxy; Fastify's `true` would trust every client.
 */
export function readTrustProxy(read: Reader, faults: Faults): number | string[] | false {
  const items = read.list('TRUST_PROXY');
  const [only = 'false'] = items;
  if (items.length <= 1 && /^(false|true|\d{1,2})$/.test(only)) {
    const hops = only === 'true' ? 1 : Number(only === 'false' ? 0 : only);
    return hops === 0 ? false : hops;
  }
  // Four numbers or IPv6: older forms would accept "10" as an address.
  const isOneAddress = (text: string) =>
    ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
  const isAddress = (item: string) =>
    ['loopback', 'linklocal', 'uniquelocal'].includes(item) ||
    isOneAddress(item) ||
    (ipaddr.isValidCIDR(item) && isOneAddress(item.split('/')[0] ?? ''));
  for (const item of items.filter((each) => !isAddress(each))) {
    faults.add(
      `TRUST_PROXY names "${item}". Write the number of proxies, like 1, or their addresses, like 10.0.0.0/8.`,
    );
  }
  return items;
}
