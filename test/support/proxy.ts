import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen';

/** A wire between a node and a store, or a service and a node. It can be cut, go silent, or be slow. */
export interface Proxy {
  /** The store's URL through the proxy. */
  readonly url: string;
  /** Drops all data silently from now on, like a firewall. */
  silence(): void;
  /** Passes requests and drops answers from now on. */
  deafen(): void;
  /** Drops requests and passes answers from now on. */
  mute(): void;
  /**
   * Drops all data of the present connections silently, for ever, and reports their ends to nobody: they are half-open,
   * as after a restart of a firewall. New ones work.
   */
  forget(): void;
  /** Ends every connection, and refuses new ones. */
  cut(): void;
  /** Ends every connection. New ones work. */
  dropAll(): void;
  /** Delays all data by `latency` to `latency + jitter` ms, and keeps its order. */
  slow(latency: number, jitter?: number): void;
  /** Holds all data back until `restore`, without a loss, like a store that is paused. */
  stall(): void;
  /** Passes all data again, to `url` if given. Connections that were silent stay silent. */
  restore(url?: string): void;
  /** Leads new connections to another store. The present ones go on. Changes nothing else. */
  lead(url: string): void;
  /** Leads new connections to another store and ends the present ones. Changes nothing else. */
  redirect(url: string): void;
  close(): Promise<void>;
}

/** One direction of one connection, with its waiting data. */
interface Lane {
  /** Passes the data that is due, and waits for the rest. */
  pump(): void;
  /** Passes nothing any more, not even the end of the connection. */
  forget(): void;
}

/**
 * @param from returns the local address of a new connection to the target. Default: any.
 * @param rewrite changes the answers of the target
 */
export async function startProxy(
  target: string,
  from?: () => string,
  rewrite?: (answer: Buffer) => Buffer,
): Promise<Proxy> {
  let mode: 'open' | 'silent' | 'deaf' | 'mute' | 'cut' = 'open';
  let { hostname, port } = new URL(target);
  /** The delay of the next data in ms; `Infinity` while the wire is stalled. */
  let delay: () => number = () => 0;
  const sockets = new Set<Socket>();
  const lanes = new Set<Lane>();

  const lead = (from: Socket, to: Socket, isAnswer: boolean) => {
    const waiting: { readonly data: Buffer; readonly due: number }[] = [];
    let silenced = false;
    let forgotten = false;
    let ended = false;
    let timer: NodeJS.Timeout | undefined;
    const pump = () => {
      clearTimeout(timer);
      for (;;) {
        const [first] = waiting;
        if (!first) break;
        // Without a delay now, held data goes at once.
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
      // A silent wire does not report that the other end has gone.
      if (mode !== 'silent' && !forgotten) to.destroy();
    };
    const forget = () => {
      silenced = forgotten = true;
      waiting.length = 0;
    };
    const lane: Lane = { pump, forget };
    lanes.add(lane);
    sockets.add(from);
    from.on('data', (data) => {
      silenced ||= mode === 'silent' || (isAnswer ? mode === 'deaf' : mode === 'mute');
      if (silenced) return;
      const passed = isAnswer && rewrite ? rewrite(data) : data;
      waiting.push({ data: passed, due: performance.now() + delay() });
      if (waiting.length === 1) pump();
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      ended = true;
      if (to.destroyed) waiting.length = 0;
      // The end of the connection comes after the waiting data.
      const late = waiting.length > 0 ? 0 : delay();
      if (late === 0) pump();
      else if (Number.isFinite(late)) timer = setTimeout(pump, late);
    });
  };

  const server = createServer((near) => {
    if (mode === 'cut') return near.destroy();
    const far = connect({ port: Number(port), host: hostname, localAddress: from?.() });
    lead(near, far, false);
    lead(far, near, true);
    return undefined;
  });
  const url = new URL(target);
  url.host = new URL(await listen(server)).host;

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
    mute() {
      mode = 'mute';
    },
    forget() {
      for (const lane of lanes) lane.forget();
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
    lead(to) {
      ({ hostname, port } = new URL(to));
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
