import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire between a node and a store that can be cut, or go silent. */
export interface Proxy {
  /** The store's URL by way of the proxy. */
  readonly url: string;
  /** From now on nothing gets through, and nobody is told: as when a firewall drops every packet. */
  silence(): void;
  /** Ends every connection, and refuses new ones. */
  cut(): void;
  /** Lets everything through again, to `url` if given. Connections that were silent stay so, and are lost. */
  restore(url?: string): void;
  close(): Promise<void>;
}

export async function startProxy(target: string): Promise<Proxy> {
  let mode: 'open' | 'silent' | 'cut' = 'open';
  let { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();

  const server = createServer((near) => {
    if (mode === 'cut') return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      let silenced = false;
      from.on('data', (data) => {
        silenced ||= mode === 'silent';
        if (!silenced) to.write(data);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        // A wire that is silent does not say that the other end has gone.
        if (mode !== 'silent') to.destroy();
      });
    }
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    silence() {
      mode = 'silent';
    },
    cut() {
      mode = 'cut';
      dropAll();
    },
    restore(to) {
      mode = 'open';
      if (to !== undefined) ({ hostname, port } = new URL(to));
    },
    close() {
      dropAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
