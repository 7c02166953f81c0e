import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { whenQuiet } from '../core/quiet-turn';
import type { Pipelines } from './pipelines';

/** ms that idle connections stay open after the listener has closed. */
const LATE_REQUEST = 250;

/** ms that requests in progress may take after the listener has closed. Then they are cut off. */
const LONGEST_DRAIN = 10_000;

/** ms between two checks for the end of the drain. */
const LOOK_INTERVAL = 25;

/**
 * Makes the app close without losing a request. It stops accepting connections, closes each open one with its next
 * response, and closes idle ones last.
 *
 * Until then connections stay open, even after a stop is announced. A proxy with a pool rarely opens new connections,
 * and only new ones can be lost: the system resets those that Node has not accepted when the listening socket closes.
 *
 * @returns whether the app is closing
 */
export function addStopping(app: FastifyInstance, pipelines: Pipelines): () => boolean {
  let closing = false;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });

  // Node would close idle connections at once, and lose requests that are on their way:
  // https://github.com/nodejs/node/issues/60617
  app.server.closeIdleConnections = () => undefined;
  const closeListener = app.server.close.bind(app.server);
  app.server.close = (closed) => {
    whenQuiet(app.server, () => closeListener(closed));
    return app.server;
  };

  // Needed because `closeAllConnections` does not know upgraded connections.
  const connections = new Set<Socket>();
  app.server.on('connection', (connection: Socket) => {
    if (connections.has(connection)) return;
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });

  const drain = () => {
    let closedAt: number | undefined;
    const looking = setInterval(() => {
      if (app.server.listening) return;
      closedAt ??= performance.now();
      const passed = performance.now() - closedAt;
      if (passed < (pipelines.busy === 0 ? LATE_REQUEST : LONGEST_DRAIN)) return;
      clearInterval(looking);
      for (const connection of connections) connection.destroy();
    }, LOOK_INTERVAL).unref();
    app.server.once('close', () => clearInterval(looking));
  };
  app.addHook('preClose', (done) => {
    closing = true;
    drain();
    done();
  });
  return () => closing;
}
