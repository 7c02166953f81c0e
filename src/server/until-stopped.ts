import { setTimeout as sleep } from 'node:timers/promises';
import type { Env } from '../config/env';
import type { Logger } from '../core/ports/logger';
import { onUnexpected } from './last-resort';
import { onOrphaned } from './orphaned';

/** What a process runs until it is told to stop. */
export interface Running {
  /** Called before the delay, in which proxies look elsewhere. */
  announceStop?(): void;
  close(): Promise<void>;
}

export interface UntilStoppedOptions<R extends Running> {
  readonly env: Env;
  readonly logger: Pick<Logger, 'info' | 'error'>;
  /** ms for which it continues to serve after it was told to stop. */
  readonly shutdownDelay: number;
  /** ms after that within which the process must have stopped. */
  readonly longestStop: number;
  /** ms for which a start may continue after a signal to stop. Left out: until it has ended. */
  readonly longestStart?: number;
  /** @param stopping aborted when the process is told to stop */
  readonly start: (stopping: AbortSignal) => Promise<R>;
  /** Called after the start, unless the process was told to stop meanwhile. */
  readonly onStarted?: (running: R) => void;
}

/**
 * Starts, and stops when the process is told to: by SIGTERM, SIGINT, the end of npm or an unexpected error. Then ends the
 * process. Rejects if it cannot start.
 */
export async function runUntilStopped<R extends Running>(options: UntilStoppedOptions<R>): Promise<void> {
  const { env, logger, shutdownDelay, longestStop, longestStart } = options;
  const stopping = new AbortController();
  /** Ends the shutdown delay. */
  const hurry = new AbortController();
  const starting = options.start(stopping.signal);
  let started = false;
  let exitCode = 0;

  const stop = (signal: string) => {
    // A person at a terminal, or a second signal, should not have to wait.
    if (stopping.signal.aborted || signal === 'SIGINT') hurry.abort();
    if (stopping.signal.aborted) return;
    stopping.abort();
    const delay = started && !hurry.signal.aborted ? shutdownDelay : 0;
    if (!started) {
      logger.info({ signal }, 'Stopping before the start is complete.');
      if (longestStart !== undefined) setTimeout(() => process.exit(exitCode), longestStart).unref();
    } else
      logger.info(
        { signal, delay },
        'Stopping. Requests are served during the delay, then those in progress are finished.',
      );
    setTimeout(() => process.exit(1), delay + longestStop).unref();
    starting
      .then(async (running) => {
        running.announceStop?.();
        await sleep(delay, undefined, { signal: hurry.signal }).catch(() => undefined);
        await running.close();
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
  // Registered before the start has ended, because it may take long.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  onOrphaned(env, () => stop('the end of npm'));
  onUnexpected(logger, () => {
    exitCode = 1;
    hurry.abort();
    stop('an unexpected error');
  });

  const running = await starting.catch((error: unknown) => {
    // After a signal to stop, a failed start does not matter.
    if (stopping.signal.aborted) return undefined;
    throw error;
  });
  if (!running || stopping.signal.aborted) return;
  started = true;
  options.onStarted?.(running);
}
