import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** What is not as it should be while the service still answers: stores that are away, or the clock. */
  readonly degraded: readonly string[];
  /** Whether tokens are checked without asking any store. */
  readonly view: 'current' | 'not current';
  /** Why it is not ready. */
  readonly reasons: readonly string[];
}

/**
 * `/healthz`: the process is alive. `/readyz`: it can tell good tokens from bad ones, and is going to serve for a while.
 *
 * @param stopping aborted when the process has been told to stop
 */
export function addHealth(
  app: FastifyInstance,
  readiness: () => Promise<Readiness>,
  stopping: AbortSignal,
): void {
  app.get('/healthz', () => ({ status: 'alive' }));
  app.get('/readyz', async (_request, reply) => {
    void reply.header('cache-control', 'no-store');
    // Asks no store: a proxy has to learn of it at once.
    if (stopping.aborted)
      return reply.code(503).send({ status: 'unready', reasons: ['the node is stopping'] });
    const { ready, degraded, view, reasons } = await readiness();
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'unready', degraded, view, ...(reasons.length > 0 && { reasons }) });
  });
}
