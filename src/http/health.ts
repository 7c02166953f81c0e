import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** Problems that do not stop the service: stores that cannot be reached, or the clock. */
  readonly degraded: readonly string[];
  /** `current`: tokens are checked without a request to any store. */
  readonly view: 'current' | 'not current';
  readonly reasons: readonly string[];
}

/**
 * Adds `/healthz` (the process is alive) and `/readyz` (it can check tokens, and is not about to stop).
 *
 * @param stopping aborted when the process is told to stop
 */
export function addHealth(
  app: FastifyInstance,
  readiness: () => Promise<Readiness>,
  stopping: AbortSignal,
): void {
  // An application may have its own.
  const has = (url: string) => app.hasRoute({ method: 'GET', url });
  if (!has('/healthz')) app.get('/healthz', () => ({ status: 'alive' }));
  if (has('/readyz')) return;
  app.get('/readyz', async (_request, reply) => {
    void reply.header('cache-control', 'no-store');
    // Without a request to any store: proxies must learn it at once.
    if (stopping.aborted)
      return reply.code(503).send({ status: 'unready', reasons: ['the node is stopping'] });
    const { ready, degraded, view, reasons } = await readiness();
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'unready', degraded, view, ...(reasons.length > 0 && { reasons }) });
  });
}
