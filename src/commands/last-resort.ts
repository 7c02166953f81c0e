import type { Logger } from '../core/ports/logger';

/** Where an error came from, without its message: that may hold whatever a library was given. */
const framesOf = (error: unknown): string[] =>
  error instanceof Error
    ? (error.stack ?? '')
        .split('\n')
        .filter((line) => /^\s+at /.test(line))
        .map((line) => line.trim())
    : [];

/**
 * The last resort for an error that nothing caught, a rejection included: it is logged without its message, and `end` is
 * called once. The process may not go on, as nothing is known of its state.
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
