import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from './config/config';
import { StartError } from './core/start-error';
import { createMetricsApp, type ExposeMetrics } from './http/metrics';
import type { Teardown } from './teardown';

/**
 * Listens, and answers with the address.
 *
 * @param setting the name of the setting that the port comes from
 * @throws StartError if the port cannot be had
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
    const { code } = error as NodeJS.ErrnoException;
    const why: Record<string, string> = {
      EADDRINUSE: 'another process listens there',
      EACCES: 'that is not permitted',
      EADDRNOTAVAIL: 'this machine has no such address',
      ENOTFOUND: 'there is no such host',
    };
    if (code === undefined || !why[code]) throw error;
    throw new StartError(`Cannot listen on ${host}, port ${port}: ${why[code]}. Set HOST and ${setting}.`);
  }
  const { address, port: given, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${given}`;
}

/** Serves `/metrics` on METRICS_PORT, if that is set. Answers where. */
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
