import type { FastifyInstance } from 'fastify';

/** What Prometheus reads, and in what format. */
export type ExposeMetrics = () => Promise<{ readonly contentType: string; readonly text: string }>;

/** `/metrics`: numbers without names of anyone, for Prometheus. */
export function addMetrics(app: FastifyInstance, expose: ExposeMetrics): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await expose();
    return reply.header('content-type', contentType).header('cache-control', 'no-store').send(text);
  });
}
