import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../core/ports/logger';
import { whenQuiet } from '../core/quiet-turn';
import type { ServiceGuard } from '../guard/create-guard';
import { createVerify, failed, type Verify, type VerifyAnswer } from './answer';
import { METRICS_TYPE, type VerifyMetrics } from './metrics';
import { isVerifyUrl, VERIFY_PATH } from './needs';
import type { Readiness } from './readiness';
import { createResponder } from './respond';

/** The most bytes of a request's line and headers: what proxies accept. A token has at most 8 KiB. */
const LONGEST_HEAD = 32 * 1024;

/** ms that a request may take to arrive. */
const REQUEST_TIMEOUT = 10_000;

/** ms between two checks for requests that take too long to arrive. */
const CHECK_INTERVAL = 1000;

/**
 * ms that a connection may be idle. Longer than the usual proxies keep theirs (60 s to 2 min): a request on a connection
 * that closes meanwhile would be refused.
 */
const IDLE_TIMEOUT = 150_000;

/** The most connections. More are closed at once. */
const MOST_CONNECTIONS = 10_000;

/** The most requests in progress. They are many only if stores are slow; more are answered with 503. */
const MOST_IN_PROGRESS = 5000;

/** ms that idle connections stay open after the listener has closed, and that requests in progress may take. */
const LATE_REQUEST = 250;
const LONGEST_DRAIN = 10_000;

/** ms between two looks for the end of the drain. */
const LOOK_INTERVAL = 25;

export interface VerifyServerOptions {
  readonly guard: ServiceGuard;
  readonly metrics: VerifyMetrics;
  readonly readiness: () => Promise<Readiness>;
  readonly logger: Pick<Logger, 'error'>;
}

export interface VerifyServer {
  /** Not yet listening. */
  readonly server: Server;
  /** Stops listening, finishes requests in progress, and closes every connection. */
  close(): Promise<void>;
}

const json = (status: number, body: object): VerifyAnswer =>
  text(status, 'application/json; charset=utf-8', JSON.stringify(body));

const text = (status: number, type: string, body: string): VerifyAnswer => ({
  status,
  headers: {
    'content-type': type,
    'cache-control': 'no-store',
    'content-length': String(Buffer.byteLength(body)),
  },
  body,
});

const notFound = () => failed(404, 'NOT_FOUND', `Not found. Checks are at ${VERIFY_PATH}.`);
const methodNotAllowed = () => failed(405, 'BAD_REQUEST', 'Ask with GET.');
const overloaded = (): VerifyAnswer => {
  const answer = failed(
    503,
    'SERVICE_UNAVAILABLE',
    'Overloaded: too many checks are waiting. Try again in 1 s.',
  );
  return { ...answer, headers: { ...answer.headers, 'retry-after': '1' } };
};

/** Creates the answers of the other paths. */
function createPages({ guard, metrics, readiness }: VerifyServerOptions, server: () => Server) {
  const pages: Readonly<Record<string, () => Promise<VerifyAnswer>>> = {
    '/healthz': async () => Promise.resolve(json(200, { status: 'alive' })),
    '/readyz': async () => {
      const { ready, ...more } = await readiness();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'unready', ...more });
    },
    '/metrics': async () => {
      const connections = await new Promise<number>((resolve) => {
        server().getConnections((_error, count) => resolve(count));
      });
      return text(200, METRICS_TYPE, metrics.expose({ status: guard.status(), connections }));
    },
  };
  return pages;
}

/** Returns the route of a URL for the metrics: one of ours, or `none`. */
function routeOf(url: string, pages: object): string {
  if (isVerifyUrl(url)) return VERIFY_PATH;
  return Object.hasOwn(pages, url) ? url : 'none';
}

/** Closes a server without losing a request, as a node does: each answer closes its connection, and idle ones close last. */
async function drain(server: Server, inProgress: () => number): Promise<void> {
  // Node would close idle connections at once, and lose requests that are on their way.
  server.closeIdleConnections = () => undefined;
  await new Promise<void>((resolve) => {
    whenQuiet(server, () => {
      server.close();
      resolve();
    });
  });
  const closedAt = performance.now();
  const longest = () => (inProgress() === 0 ? LATE_REQUEST : LONGEST_DRAIN);
  while (performance.now() - closedAt < longest()) await sleep(LOOK_INTERVAL);
  server.closeAllConnections();
}

/** Creates the HTTP server of `tokenfence guard`. */
export function createVerifyServer(options: VerifyServerOptions): VerifyServer {
  const { metrics, logger } = options;
  let inProgress = 0;
  let isClosing = false;
  const check = createVerify(options.guard);
  const pages = createPages(options, () => server);

  const answer: Verify = async (request, url) => {
    const { method } = request;
    if (isVerifyUrl(url)) return inProgress > MOST_IN_PROGRESS ? overloaded() : check(request, url);
    const page = Object.hasOwn(pages, url) ? pages[url] : undefined;
    if (!page) return notFound();
    return method === 'GET' || method === 'HEAD' ? page() : methodNotAllowed();
  };
  const respond = createResponder({
    verify: answer,
    logger,
    isClosing: () => isClosing,
    answered(request, status) {
      inProgress -= 1;
      metrics.answered(routeOf(request.url ?? '', pages), status);
    },
  });

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    inProgress += 1;
    respond(request, response);
  };
  const server = createServer(
    {
      maxHeaderSize: LONGEST_HEAD,
      headersTimeout: REQUEST_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      connectionsCheckingInterval: CHECK_INTERVAL,
      keepAliveTimeout: IDLE_TIMEOUT,
      // Whatever NODE_OPTIONS says: a proxy and this server must not read one request in two ways.
      insecureHTTPParser: false,
    },
    serve,
  );
  server.maxConnections = MOST_CONNECTIONS;
  // Answered as any other. Node would ask for a body, which nothing reads, or answer with 417.
  server.on('checkContinue', serve);
  server.on('checkExpectation', serve);
  return {
    server,
    close() {
      isClosing = true;
      return drain(server, () => inProgress);
    },
  };
}
