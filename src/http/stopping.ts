import type { FastifyInstance } from 'fastify';
import type { OwedAnswers } from './owed-answers';

/** ms that connections without a request are left open, once no other is accepted. */
const LATE_REQUEST = 500;

/** ms that requests under way are waited for, once no connection is accepted; then they are cut off. */
const LONGEST_DRAIN = 10_000;

const LOOK_INTERVAL = 25;

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

  const drain = () => {
    let closedAt: number | undefined;
    const looking = setInterval(() => {
      if (app.server.listening) return;
      closedAt ??= performance.now();
      const passed = performance.now() - closedAt;
      if (passed < (owed.count === 0 ? LATE_REQUEST : LONGEST_DRAIN)) return;
      clearInterval(looking);
      app.server.closeAllConnections();
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
