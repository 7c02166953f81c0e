import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import { arrivingWithin } from './request-timeout';
import { transportError } from './transport-errors';

/** Returns the metrics in the format of Prometheus. */
export type ExposeMetrics = () => Promise<{ readonly contentType: string; readonly text: string }>;

/** Adds `/metrics`, for Prometheus. */
export function addMetrics(app: FastifyInstance, expose: ExposeMetrics): void {
  app.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await expose();
    return reply.header('content-type', contentType).header('cache-control', 'no-store').send(text);
  });
}

/** Creates a separate server for `/metrics`, not yet listening, so that the API's port need not expose it. */
export function createMetricsApp(expose: ExposeMetrics, logger: FastifyBaseLogger): FastifyInstance {
  // A log line for each scrape would be noise.
  const logController = new LogController({ disableRequestLogging: true });
  const app = fastify({
    ...arrivingWithin(),
    loggerInstance: logger,
    logController,
    forceCloseConnections: true,
  });
  app.setErrorHandler((error, request, reply) => {
    request.log.error({ err: error }, 'Unexpected error while reading the metrics.');
    return reply.code(500).send();
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(transportError(404)));
  addMetrics(app, expose);
  return app;
}
