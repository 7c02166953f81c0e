import ipaddr from 'ipaddr.js';

/** The address that is counted when the client's is unknown, for example because it has disconnected. */
export const UNKNOWN_ADDRESS = '0.0.0.0';

/** More characters than any address with its zone and port has. */
const LONGEST = 100;

const IN_BRACKETS = /^\[([^\]]*)\](?::\d{1,5})?$/;
const IPV4_WITH_PORT = /^([\d.]+):\d{1,5}$/;

/**
 * Reads an IP address as proxies write it: `203.0.113.7`, `203.0.113.7:40009`, `2001:db8::1`, `[2001:db8::1]:40009`,
 * `fe80::1%eth0`. Returns only the address, in its canonical form (RFC 5952; IPv4-mapped IPv6 as IPv4), or `undefined`.
 */
export function parseAddress(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LONGEST) return undefined;
  const trimmed = text.trim();
  const host = IN_BRACKETS.exec(trimmed)?.[1] ?? IPV4_WITH_PORT.exec(trimmed)?.[1] ?? trimmed;
  // A zone (RFC 4007) is local to the machine that wrote it.
  const address = host.replace(/%.*$/, '');
  // Four numbers or IPv6: the library's older forms would accept "10" as an address.
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}

const prefixOf = (address: string, bits: number): string | undefined =>
  address.includes(':')
    ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toRFC5952String()
    : undefined;

/** Returns the block that counts as one address: the /64 of an IPv6 address, the smallest one assigned; or the IPv4. */
export const blockOf = (address: string): string => prefixOf(address, 64) ?? address;

/** Returns that block in CIDR notation. */
export const networkOf = (address: string): string =>
  `${blockOf(address)}/${address.includes(':') ? 64 : 32}`;

/** Returns the block that one customer may have: the /48 of an IPv6 address (65,536 times /64), or the IPv4. */
export const siteOf = (address: string): string => prefixOf(address, 48) ?? address;
