import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config/config';
import { StartError } from '../core/start-error';
import { createMetricsApp, type ExposeMetrics } from '../http/metrics';
import { whyNotListening } from './listen-faults';
import type { Teardown } from './teardown';

/**
 * Listens and returns the URL.
 *
 * @param setting the name of the port's setting
 * @throws StartError if the address cannot be used
 */
export async function listen(
  app: FastifyInstance,
  host: string,
  port: number,
  setting: string,
): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const why = whyNotListening(error as NodeJS.ErrnoException);
    if (why === undefined) throw error;
    throw new StartError(`Cannot listen on ${host}, port ${port}: ${why}. Change HOST or ${setting}.`);
  }
  const { address, port: given, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${given}`;
}

/** Serves `/metrics` on METRICS_PORT, if that is set. Returns its URL. */
export async function serveMetrics(
  { host, metricsPort }: Config,
  expose: ExposeMetrics,
  logger: Logger,
  teardown: Teardown,
): Promise<string | undefined> {
  if (metricsPort === undefined) return undefined;
  const app = createMetricsApp(expose, logger);
  teardown.add(() => app.close());
  return listen(app, host, metricsPort, 'METRICS_PORT');
}
