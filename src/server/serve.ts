import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { explain } from './explain';
import { onUnexpected } from './last-resort';
import { onOrphaned } from './orphaned';
import { version } from './version';
import { readConfig } from '../config/read-config';
import { readEnv } from '../config/env';
import { shownSettings } from '../config/shown-settings';
import { createLogger } from './logger';
import { startServer } from './server';
import { startText } from './start-text';
import { tell } from './tell';

/** ms after SHUTDOWN_DELAY, and a lease, within which the process must have stopped. */
const LONGEST_STOP = 15_000;

/** ms for which a start may continue after a signal to stop. Postgres rolls back what is unfinished. */
const LONGEST_START = 2000;

async function run(): Promise<void> {
  const config = readConfig(readEnv());
  const logger = createLogger(config.logLevel);
  logger.info({ version, node: process.version, settings: shownSettings(config) }, 'Tokenfence is starting.');
  for (const warning of config.warnings) logger.warn(warning);
  const start = new AbortController();
  /** Ends the shutdown delay. */
  const hurry = new AbortController();
  const starting = startServer(config, logger, start.signal);

  let started = false;
  let exitCode = 0;
  const stop = (signal: string) => {
    // A person at a terminal, or a second signal, should not have to wait.
    if (start.signal.aborted || signal === 'SIGINT') hurry.abort();
    if (start.signal.aborted) return;
    start.abort();
    const delay = started && !hurry.signal.aborted ? config.shutdownDelay : 0;
    if (!started) {
      logger.info({ signal }, 'Stopping before the start is complete.');
      // Not in the embedded mode: an unfinished first start would leave a broken database in the folder.
      if (config.store.mode === 'servers') setTimeout(() => process.exit(exitCode), LONGEST_START).unref();
    } else
      logger.info(
        { signal, delay },
        'Stopping. Requests are served during the delay, then those in progress are finished.',
      );
    // A service that does not return what it was granted is waited for: a lease at most.
    setTimeout(() => process.exit(1), delay + config.revocationLease + LONGEST_STOP).unref();
    starting
      .then(async (server) => {
        server.announceStop();
        await sleep(delay, undefined, { signal: hurry.signal }).catch(() => undefined);
        await server.close();
      })
      .then(
        () => process.exit(exitCode),
        (error: unknown) => {
          if (!started) process.exit(exitCode);
          logger.error({ err: error }, 'Stopping failed.');
          process.exit(1);
        },
      );
  };
  // Registered before the start has ended, because it may wait long for another node's migration.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  onOrphaned(readEnv(), () => stop('the end of npm'));
  onUnexpected(logger, () => {
    exitCode = 1;
    hurry.abort();
    stop('an unexpected error');
  });
  const server = await starting.catch((error: unknown) => {
    // After a signal to stop, a failed start does not matter.
    if (start.signal.aborted) return undefined;
    throw error;
  });
  if (!server || start.signal.aborted) return;
  started = true;
  logger.info({ url: server.url }, `Tokenfence is ready at ${server.url}/graphql`);
  tell(config, startText(config, server));
}

/** Runs the server until it is told to stop. Ends the process if it cannot start. */
export function serve(): void {
  run().catch((error: unknown) => {
    process.stderr.write(`Tokenfence did not start.\n${explain(error)}\n`);
    process.exit(1);
  });
}
