import { type Proxy, startProxy } from '../support/proxy';
import { HOST, type Member } from '../support/redis-member';

/** A node's way to a store, through one proxy or several. The words are those of a proxy. */
export interface Wire extends Pick<
  Proxy,
  'url' | 'silence' | 'deafen' | 'cut' | 'dropAll' | 'slow' | 'stall' | 'close'
> {
  restore(): void;
}

/** An address as Redis writes it: `host:port`, or one after the other, as `SENTINEL` and `CLUSTER SLOTS` answer. */
const ADDRESS = /127\.0\.0\.1(?::|\r\n:|\r\n\$5\r\n|\r\n\$4\r\nport\r\n\$5\r\n)(\d{5})(?!\d)/g;

const portOf = ({ url }: Pick<Proxy, 'url'>) => new URL(url).port;

/**
 * A node's way to a set of servers. Its servers name each other to the node, so the addresses in their answers are
 * changed to those of the proxies. All ports have five digits, so no answer changes its length.
 *
 * @param urlOf the node's setting, with the ports through which it reaches the servers at first
 */
export async function startSetWire(
  members: readonly Pick<Member, 'port'>[],
  urlOf: (portFor: (member: Pick<Member, 'port'>) => string) => string,
): Promise<Wire> {
  const proxies = new Map<string, Proxy>();
  const rewrite = (answer: Buffer) => {
    const text = answer.toString('latin1');
    const changed = text.replace(ADDRESS, (found, port: string) => {
      const proxy = proxies.get(port);
      return proxy ? found.slice(0, -5) + portOf(proxy) : found;
    });
    return changed === text ? answer : Buffer.from(changed, 'latin1');
  };
  for (const { port } of members)
    proxies.set(`${port}`, await startProxy(`redis://${HOST}:${port}`, undefined, rewrite));
  const all = [...proxies.values()];
  const each = (change: (proxy: Proxy) => void) => () => all.forEach(change);
  return {
    url: urlOf(({ port }) => portOf(proxies.get(`${port}`) as Proxy)),
    silence: each((proxy) => proxy.silence()),
    deafen: each((proxy) => proxy.deafen()),
    cut: each((proxy) => proxy.cut()),
    dropAll: each((proxy) => proxy.dropAll()),
    stall: each((proxy) => proxy.stall()),
    restore: each((proxy) => proxy.restore()),
    slow: (latency, jitter) => all.forEach((proxy) => proxy.slow(latency, jitter)),
    async close() {
      await Promise.all(all.map((proxy) => proxy.close()));
    },
  };
}
