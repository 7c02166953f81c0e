import type { FastifyInstance } from 'fastify';
import type { OwedAnswers } from './owed-answers';

/** ms that a connection accepted last has to send its request, once no other is accepted. */
const LATE_REQUEST = 250;

/** ms that requests under way are waited for, once no connection is accepted; then they are cut off. */
const LONGEST_DRAIN = 10_000;

const LOOK_INTERVAL = 25;

export interface StoppingOptions {
  readonly owed: OwedAnswers;
  /** Aborted when the process has been told to stop. It still serves until the app is closed. */
  readonly stopping: AbortSignal;
}

/**
 * Ends connections without losing a request: from the moment that a stop is announced, each connection is closed with
 * its next answer, and its client sends the next request elsewhere. Closing the app waits for the answers under way.
 *
 * @returns whether the app is being closed
 */
export function addStopping(app: FastifyInstance, { owed, stopping }: StoppingOptions): () => boolean {
  let closing = false;
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing || stopping.aborted) void reply.header('connection', 'close');
    done();
  });

  // Node closes idle connections itself. It waits for those that have sent nothing yet, and no longer looks whether a
  // request takes too long: one silent client would keep the process.
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
