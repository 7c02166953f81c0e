import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** Stores that are away while the service still answers. */
  readonly degraded: readonly string[];
  /** Whether tokens are checked without asking any store. */
  readonly view: 'current' | 'not current';
  /** Why it is not ready. */
  readonly reasons: readonly string[];
}

/** `/healthz`: the process is alive. `/readyz`: it can tell good tokens from bad ones. */
export function addHealth(app: FastifyInstance, readiness: () => Promise<Readiness>): void {
  app.get('/healthz', () => ({ status: 'alive' }));
  app.get('/readyz', async (_request, reply) => {
    const { ready, degraded, view, reasons } = await readiness();
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'unready', degraded, view, ...(reasons.length > 0 && { reasons }) });
  });
}
