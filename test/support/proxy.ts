import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A wire between a node and a store that can be cut, go silent, or be slow. */
export interface Proxy {
  /** The store's URL by way of the proxy. */
  readonly url: string;
  /** From now on nothing gets through, and nobody is told: as when a firewall drops every packet. */
  silence(): void;
  /** From now on the store hears everything, and what it answers gets lost. */
  deafen(): void;
  /** Ends every connection, and refuses new ones. */
  cut(): void;
  /** Ends every connection. New ones are as they would have been. */
  dropAll(): void;
  /** Lets everything through late, in its order: by `latency` ms, and up to `jitter` ms more. */
  slow(latency: number, jitter?: number): void;
  /** Holds everything back until `restore`, and loses nothing: as a store does that was stopped for a while. */
  stall(): void;
  /** Lets everything through again, to `url` if given. Connections that were silent stay so, and are lost. */
  restore(url?: string): void;
  /** Leads to another store from now on, and ends what led to the one before. Changes nothing else. */
  redirect(url: string): void;
  close(): Promise<void>;
}

/** One direction of one connection: what waits to be let through, and when. */
interface Lane {
  /** Lets through what is due, and waits for the rest. */
  pump(): void;
}

export async function startProxy(target: string): Promise<Proxy> {
  let mode: 'open' | 'silent' | 'deaf' | 'cut' = 'open';
  let { hostname, port } = new URL(target);
  /** ms by which the next data comes late; endless while the wire is stalled. */
  let delay: () => number = () => 0;
  const sockets = new Set<Socket>();
  const lanes = new Set<Lane>();

  const lead = (from: Socket, to: Socket, isAnswer: boolean) => {
    const waiting: { readonly data: Buffer; readonly due: number }[] = [];
    let silenced = false;
    let ended = false;
    let timer: NodeJS.Timeout | undefined;
    const pump = () => {
      clearTimeout(timer);
      for (;;) {
        const [first] = waiting;
        if (!first) break;
        // Undelayed again: what was held back goes at once.
        const left = Math.min(first.due - performance.now(), delay());
        if (left > 0) {
          if (Number.isFinite(left)) timer = setTimeout(pump, left);
          return;
        }
        waiting.shift();
        if (to.writable) to.write(first.data);
      }
      if (!ended) return;
      lanes.delete(lane);
      // A wire that is silent does not say that the other end has gone.
      if (mode !== 'silent') to.destroy();
    };
    const lane: Lane = { pump };
    lanes.add(lane);
    sockets.add(from);
    from.on('data', (data) => {
      silenced ||= mode === 'silent' || (mode === 'deaf' && isAnswer);
      if (silenced) return;
      waiting.push({ data, due: performance.now() + delay() });
      if (waiting.length === 1) pump();
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      ended = true;
      if (to.destroyed) waiting.length = 0;
      // Behind what still waits: the other end learns of it in its turn.
      const late = waiting.length > 0 ? 0 : delay();
      if (late === 0) pump();
      else if (Number.isFinite(late)) timer = setTimeout(pump, late);
    });
  };

  const server = createServer((near) => {
    if (mode === 'cut') return near.destroy();
    const far = connect(Number(port), hostname);
    lead(near, far, false);
    lead(far, near, true);
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
    dropAll,
    silence() {
      mode = 'silent';
    },
    deafen() {
      mode = 'deaf';
    },
    cut() {
      mode = 'cut';
      dropAll();
    },
    slow(latency, jitter = 0) {
      delay = () => latency + Math.random() * jitter;
    },
    stall() {
      delay = () => Infinity;
    },
    restore(to) {
      mode = 'open';
      delay = () => 0;
      if (to !== undefined) ({ hostname, port } = new URL(to));
      for (const lane of lanes) lane.pump();
    },
    redirect(to) {
      ({ hostname, port } = new URL(to));
      dropAll();
    },
    close() {
      mode = 'cut';
      delay = () => 0;
      dropAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
