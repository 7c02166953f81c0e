import 'reflect-metadata';
import { explain } from './explain';
import { version } from './version';
import { readConfig } from '../config/read-config';
import { readEnv } from '../config/env';
import { shownSettings } from '../config/shown-settings';
import { createLogger } from './logger';
import { startServer } from './server';
import { startText } from './start-text';
import { tell } from './tell';
import { runUntilStopped } from './until-stopped';

/** ms after SHUTDOWN_DELAY, and a lease, within which the process must have stopped. */
const LONGEST_STOP = 15_000;

/** ms for which a start may continue after a signal to stop. Postgres rolls back what is unfinished. */
const LONGEST_START = 2000;

async function run(): Promise<void> {
  const env = readEnv();
  const config = readConfig(env);
  const logger = createLogger(config.logLevel);
  logger.info({ version, node: process.version, settings: shownSettings(config) }, 'Tokenfence is starting.');
  for (const warning of config.warnings) logger.warn(warning);
  await runUntilStopped({
    env,
    logger,
    shutdownDelay: config.shutdownDelay,
    // A service that does not return what it was granted is waited for: a lease at most.
    longestStop: config.revocationLease + LONGEST_STOP,
    // Not in the embedded mode: an unfinished first start would leave a broken database in the folder.
    longestStart: config.store.mode === 'servers' ? LONGEST_START : undefined,
    start: (stopping) => startServer(config, logger, stopping),
    onStarted(server) {
      logger.info({ url: server.url }, `Tokenfence is ready at ${server.url}/graphql`);
      tell(config, startText(config, server));
    },
  });
}

/** Runs the server until it is told to stop. Ends the process if it cannot start. */
export function serve(): void {
  run().catch((error: unknown) => {
    process.stderr.write(`Tokenfence did not start.\n${explain(error)}\n`);
    process.exit(1);
  });
}
