import type { FastifyReply } from 'fastify';

/**
 * A signal that is aborted when the client goes before it has got its whole answer. (The signal of Fastify's request
 * listens to the request, which closes as soon as its body is read.)
 */
export function clientGoneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
