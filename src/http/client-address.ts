import type { IncomingMessage } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { parseAddress, UNKNOWN_ADDRESS } from '../core/address';

/** Names of networks in TRUST_PROXY. */
const NAMED_NETWORKS: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** The most proxies of one chain that are checked: a client may send as many as fit into its headers. */
const MOST_PROXIES = 32;

/** Whether to trust what this proxy says about the hop before it. */
export type IsTrustedProxy = (address: string, hop: number) => boolean;

/**
 * Creates the check of TRUST_PROXY. Proxies may write their own addresses with a port.
 *
 * @param trusted the number of trusted proxies, or their addresses and networks
 */
export function createProxyTrust(trusted: number | readonly string[] | false): IsTrustedProxy | false {
  if (trusted === false) return false;
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted;
  const list = new BlockList();
  for (const item of trusted.flatMap((name) => NAMED_NETWORKS[name] ?? [name])) {
    const [address = '', bits] = item.split('/');
    const only = bits === undefined ? parseAddress(address) : undefined;
    if (only !== undefined) list.addAddress(only, familyOf(only));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return (text, hop) => {
    if (hop >= MOST_PROXIES) return false;
    const address = parseAddress(text);
    return address !== undefined && list.check(address, familyOf(address));
  };
}

/** Returns the items of a header that is a list. */
export const listIn = (header: string | string[]): string[] =>
  [header]
    .flat()
    .join(',')
    .split(',')
    .map((item) => item.trim());

/**
 * Returns the client's IP address. Use it wherever an address is counted, stored or logged. In `X-Forwarded-For` it may
 * have a port, brackets or a zone. If it is not an address at all, this returns the last proxy's: clients must not be
 * able to make up a new address for each request.
 */
export function clientAddressOf(
  { socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>,
  isTrusted: IsTrustedProxy | false,
): string {
  const forwarded = headers['x-forwarded-for'];
  let nearest = socket.remoteAddress ?? '';
  let address = parseAddress(nearest);
  if (isTrusted !== false && forwarded !== undefined) {
    // From the hop that the first trusted proxy reported to the client.
    for (const [index, hop] of listIn(forwarded).reverse().entries()) {
      if (!isTrusted(nearest, index)) break;
      nearest = hop;
      address = parseAddress(hop) ?? address;
    }
  }
  return address ?? UNKNOWN_ADDRESS;
}
