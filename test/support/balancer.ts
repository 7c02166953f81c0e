import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listen } from './listen';

/** A proxy that distributes requests over the nodes that are ready by `/readyz`. It repeats no request. */
export interface Balancer {
  readonly url: string;
  /** The nodes that receive requests now. */
  readonly ready: readonly string[];
  close(): Promise<void>;
}

const PROBE_INTERVAL = 50;

/** @param nodes their URLs, which stay the same when a node is restarted */
export async function startBalancer(nodes: readonly string[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  const ready = new Set<string>();
  let turn = 0;

  const probe = async (node: string) => {
    const isReady = await fetch(`${node}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) ready.add(node);
    else ready.delete(node);
  };
  const probing = setInterval(() => nodes.forEach((node) => void probe(node)), PROBE_INTERVAL);

  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const list = [...ready];
    const node = list[turn++ % list.length];
    const { method, url, headers } = incoming;
    const forwarded = request(`${node ?? 'http://0.0.0.0:1'}${url}`, { method, headers, agent }, (answer) => {
      const kept = Object.entries(answer.headers).filter(([name]) => name !== 'connection');
      outgoing.writeHead(answer.statusCode ?? 500, Object.fromEntries(kept));
      answer.pipe(outgoing);
    });
    forwarded.on('error', (error: NodeJS.ErrnoException) => outgoing.writeHead(502).end(error.code));
    incoming.pipe(forwarded);
  });
  const url = await listen(server);
  return {
    url,
    get ready() {
      return [...ready];
    },
    async close() {
      clearInterval(probing);
      agent.destroy();
      await closeServer(server);
    },
  };
}
