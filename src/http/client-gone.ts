import type { FastifyReply } from 'fastify';

/**
 * Creates a signal that aborts if the client disconnects before the response is complete. Fastify's own
 * `request.signal` aborts as soon as the body is read.
 */
export function clientGoneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
