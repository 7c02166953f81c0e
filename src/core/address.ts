import ipaddr from 'ipaddr.js';

/** What is counted for a client whose address is not known, such as one that has gone already. */
export const UNKNOWN_ADDRESS = '0.0.0.0';

/** Longer than any address with its zone and port. */
const LONGEST = 100;

const IN_BRACKETS = /^\[([^\]]*)\](?::\d{1,5})?$/;
const IPV4_WITH_PORT = /^([\d.]+):\d{1,5}$/;

/**
 * Reads an IP address as proxies write it: `203.0.113.7`, `203.0.113.7:40009`, `2001:db8::1`, `[2001:db8::1]:40009`,
 * `fe80::1%eth0`. Answers the address alone, in one form for each address (RFC 5952; an IPv4 address that is mapped
 * into IPv6 as IPv4), and `undefined` for anything else.
 */
export function parseAddress(text: string | undefined): string | undefined {
  if (text === undefined || text.length > LONGEST) return undefined;
  const trimmed = text.trim();
  const host = IN_BRACKETS.exec(trimmed)?.[1] ?? IPV4_WITH_PORT.exec(trimmed)?.[1] ?? trimmed;
  // The zone (RFC 4007) has a meaning on the machine that wrote it only.
  const address = host.replace(/%.*$/, '');
  // Four numbers or IPv6: the library's older forms would take "10" for an address as well.
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) return undefined;
  const parsed = ipaddr.process(address);
  return parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
}

const prefixOf = (address: string, bits: number): string | undefined =>
  address.includes(':')
    ? ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toRFC5952String()
    : undefined;

/**
 * The network that counts as one address: of IPv6 the /64, which the smallest customer has, of IPv4 the address.
 *
 * @param address as `parseAddress` answers it
 */
export const networkOf = (address: string): string => prefixOf(address, 64) ?? address;

/**
 * The network that one customer may have: of IPv6 the /48 with its 65,536 networks, of IPv4 the address.
 *
 * @param address as `parseAddress` answers it
 */
export const siteOf = (address: string): string => prefixOf(address, 48) ?? address;
