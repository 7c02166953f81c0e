import type { Logger } from '../core/ports/logger';

/** Returns the stack of an error without its message, which may hold any data. */
const framesOf = (error: unknown): string[] =>
  error instanceof Error
    ? (error.stack ?? '')
        .split('\n')
        .filter((line) => /^\s+at /.test(line))
        .map((line) => line.trim())
    : [];

/**
 * Logs an error or rejection that nothing caught, without its message, and calls `end` once. The process must end,
 * because its state is unknown.
 */
export function onUnexpected(logger: Pick<Logger, 'error'>, end: () => void): void {
  let isEnding = false;
  process.on('uncaughtException', (error: unknown, origin) => {
    const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
    logger.error(
      { origin, type: name, code, frames: framesOf(error) },
      'Unexpected error: this process ends. Please report it.',
    );
    if (isEnding) return;
    isEnding = true;
    end();
  });
}
