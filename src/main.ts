#!/usr/bin/env node
import 'reflect-metadata';
import { ConfigError, readConfig } from './config/config';
import { readEnv } from './config/env';
import { TokenfenceError } from './core/errors';
import { FolderTakenError } from './embedded/pglite';
import { createLogger } from './logger';
import { startServer, StartError } from './server';
import { startText } from './start-text';

/** ms after which a stop is no longer waited for. */
const LONGEST_STOP = 15_000;

/** Faults that whoever starts the service can mend; they need the sentence and no stack. */
function isMendable(error: unknown): error is Error {
  return error instanceof ConfigError || error instanceof StartError || error instanceof FolderTakenError;
}

function explain(error: unknown): string {
  if (isMendable(error)) return error.message;
  if (error instanceof TokenfenceError && error.cause instanceof Error) {
    return `Postgres cannot be reached: ${error.cause.message}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<void> {
  const config = readConfig(readEnv());
  const logger = createLogger(config.logLevel);
  const server = await startServer(config, logger);
  process.stdout.write(startText(config, server));

  const stop = (signal: string) => {
    logger.info({ signal }, 'Stopping: requests under way are finished first.');
    setTimeout(() => process.exit(1), LONGEST_STOP).unref();
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'Stopping failed.');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`Tokenfence did not start.\n${explain(error)}\n`);
  process.exit(1);
});
