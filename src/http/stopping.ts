import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { OwedAnswers } from './owed-answers';

/** ms that connections without a request are left open, once no other is accepted. */
const LATE_REQUEST = 250;

/** ms that requests under way are waited for, once no connection is accepted; then they are cut off. */
const LONGEST_DRAIN = 10_000;

const LOOK_INTERVAL = 25;

/** ms that a moment is waited for in which no connection arrives. */
const LONGEST_WAIT_FOR_QUIET = 1000;

/** ms that a turn of the event loop may take to count as such a moment. */
const QUIET_TURN = 0.5;

/**
 * Calls back in a turn of the event loop that has accepted no connection and done little else: what arrives while Node
 * is busy waits to be accepted, and the system resets what waits when the listening socket closes.
 */
function whenQuiet(server: Server, then: () => void): void {
  const begunAt = performance.now();
  let turnAt = begunAt;
  let accepted = 0;
  const count = () => {
    accepted += 1;
  };
  server.on('connection', count);
  const look = () => {
    const now = performance.now();
    const isQuiet = accepted === 0 && now - turnAt < QUIET_TURN;
    if (!isQuiet && now - begunAt < LONGEST_WAIT_FOR_QUIET) {
      accepted = 0;
      turnAt = now;
      setImmediate(look);
      return;
    }
    server.off('connection', count);
    then();
  };
  setImmediate(look);
}

/**
 * Closes the app without losing a request. No connection is accepted any more, so clients connect elsewhere. Each
 * connection that is open is closed with its next answer. Idle ones are closed last.
 *
 * Until then connections are kept open as ever, also while a stop is announced. A proxy that keeps a pool of them seldom
 * opens a new one, and a new one is what can be lost: the system resets what it has not handed to Node when the
 * listening socket closes.
 *
 * @returns whether the app is being closed
 */
export function addStopping(app: FastifyInstance, owed: OwedAnswers): () => boolean {
  let closing = false;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });

  // Node would close idle connections as soon as the app is closed, and with them what is on its way to us:
  // https://github.com/nodejs/node/issues/60617
  app.server.closeIdleConnections = () => undefined;
  const closeListener = app.server.close.bind(app.server);
  app.server.close = (closed) => {
    whenQuiet(app.server, () => closeListener(closed));
    return app.server;
  };

  // Those that were handed over, to be upgraded, are unknown to `closeAllConnections`.
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
      if (passed < (owed.count === 0 ? LATE_REQUEST : LONGEST_DRAIN)) return;
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
