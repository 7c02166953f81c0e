import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { SettingsReader } from './settings';

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
