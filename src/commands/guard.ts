import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '../config/config-error';
import { readEnv } from '../config/env';
import { systemClock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import { StartError } from '../core/start-error';
import { createGuard, type GuardStatus } from '../guard/create-guard';
import { GuardOptionsError } from '../guard/guard-options';
import { createHttpClient } from '../http-client/http-client';
import { explain } from '../server/explain';
import { whyNotListening } from '../server/listen-faults';
import { type Running, runUntilStopped } from '../server/until-stopped';
import { version } from '../server/version';
import { createLog } from '../verify/log';
import { createVerifyMetrics } from '../verify/metrics';
import { createReadiness } from '../verify/readiness';
import { createVerifyServer } from '../verify/server';
import { aboutSettings, readVerifySettings, type VerifySettings } from '../verify/settings';

// This file, and what it imports, load none of the server's packages: beside a proxy, only this package is installed.

/** ms after SHUTDOWN_DELAY within which the process must have stopped. */
const LONGEST_STOP = 15_000;

/** Listens and returns the URL. Throws `StartError` if the address cannot be used. */
async function listen(server: Server, { host, port }: VerifySettings): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = whyNotListening(error);
      const fault = `Cannot listen on ${host}, port ${port}: ${why}. Change HOST or PORT.`;
      reject(why === undefined ? error : new StartError(fault));
    });
    server.listen({ host, port }, resolve);
  });
  const { address, port: given, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${given}`;
}

/** The guard and its server, listening. */
interface RunningGuard extends Running {
  readonly url: string;
  readonly status: () => GuardStatus;
}

async function start(settings: VerifySettings, logger: Logger, stopping: AbortSignal): Promise<RunningGuard> {
  const metrics = createVerifyMetrics(version);
  const guard = await createGuard({ ...settings.guard, logger, metrics }).catch((error: unknown) => {
    if (error instanceof GuardOptionsError) throw new ConfigError(error.faults.map(aboutSettings));
    throw error;
  });
  const http = createHttpClient();
  const isStopping = () => stopping.aborted;
  const readiness = createReadiness({ ...settings, guard, http, clock: systemClock, isStopping });
  const verify = createVerifyServer({ guard, metrics, readiness, logger });
  return {
    url: isStopping() ? '' : await listen(verify.server, settings),
    status: () => guard.status(),
    async close() {
      await verify.close();
      // Gives the lease back, so that no revocation waits for it.
      await guard.close();
      await http.close();
    },
  };
}

async function run(): Promise<void> {
  const env = readEnv();
  const settings = readVerifySettings(env);
  const logger = createLog(settings.logLevel, (line) => process.stdout.write(line));
  const { issuer, audience } = settings.guard;
  logger.info({ version, node: process.version, issuer, audience }, 'The guard is starting.');
  for (const warning of settings.warnings) logger.warn({}, warning);
  await runUntilStopped({
    env,
    logger,
    shutdownDelay: settings.shutdownDelay,
    longestStop: LONGEST_STOP,
    start: (stopping) => start(settings, logger, stopping),
    onStarted: ({ url, status }) => logger.info({ url, ...status() }, `The guard is ready at ${url}/verify`),
  });
}

/** Runs `tokenfence guard` until it is told to stop. Ends the process if it cannot start. */
export function serveGuard(): void {
  // A closed terminal or pipe must not end the process.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  run().catch((error: unknown) => {
    process.stderr.write(`The guard did not start.\n${explain(error)}\n`);
    process.exit(1);
  });
}
