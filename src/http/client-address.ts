import { BlockList, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { parseAddress, UNKNOWN_ADDRESS } from '../core/address';

/** The names that stand for networks in TRUST_PROXY. */
const NAMED_NETWORKS: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** Proxies that are looked at in one chain of them: a client may write as many as its headers hold. */
const MOST_PROXIES = 32;

/** Whether what this proxy says of the hop before it is believed. */
export type IsTrustedProxy = (address: string, hop: number) => boolean;

/**
 * Reads the setting TRUST_PROXY. The proxies' own addresses may be written with a port as well.
 *
 * @param trusted how many proxies are believed, or which addresses and networks
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

/**
 * The client's address: what everything that counts, stores or logs an address has to use. Proxies write it into
 * `X-Forwarded-For` with a port, in brackets or with a zone, or pass on what is not an address. In that case it is the
 * address of the last proxy: what a client makes up must not give it a new address for each request.
 */
export function clientAddressOf({ ips, ip }: Pick<FastifyRequest, 'ips' | 'ip'>): string {
  // From the connection's own address to the one that the first trusted proxy has named.
  const chain = ips ?? [ip];
  for (let index = chain.length - 1; index >= 0; index -= 1) {
    const address = parseAddress(chain[index]);
    if (address !== undefined) return address;
  }
  return UNKNOWN_ADDRESS;
}
