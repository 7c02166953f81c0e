import 'reflect-metadata';
import { ConfigError, readConfig } from './config/config';
import { readEnv } from './config/env';
import { FolderTakenError } from './embedded/pglite';
import { createLogger } from './logger';
import { startServer } from './server';
import { StartError } from './core/start-error';
import { startText } from './start-text';

/** ms after which a stop is no longer waited for. */
const LONGEST_STOP = 15_000;

/** What went wrong, for a person: a sentence where they can mend it, and the stack where they cannot. */
function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof StartError || error instanceof FolderTakenError) {
    return error.message;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function run(): Promise<void> {
  const config = readConfig(readEnv());
  const logger = createLogger(config.logLevel);
  const starting = startServer(config, logger);

  let stopping = false;
  const stop = (signal: string) => {
    // A second signal changes nothing: the stop is under way.
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'Stopping: requests under way are finished first.');
    setTimeout(() => process.exit(1), LONGEST_STOP).unref();
    starting
      .then((server) => server.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'Stopping failed.');
          process.exit(1);
        },
      );
  };
  // Before the start has ended: it may wait long for another node's migration.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.stdout.write(startText(config, await starting));
}

/** Runs the service until it is told to stop; ends the process when it cannot start. */
export function serve(): void {
  run().catch((error: unknown) => {
    process.stderr.write(`Tokenfence did not start.\n${explain(error)}\n`);
    process.exit(1);
  });
}
