import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './config/config';
import { bounded, clipped, described } from './core/bounded-value';

/** Lines of one message in a second, of `warn` and above. A store that fails would write one for each request. */
const MOST_ALIKE = 20;

/** Messages that are told apart; those beyond share one limit. */
const MOST_MESSAGES = 200;

/** ms */
const SECOND = 1000;

/** pino's number of the level `warn`. */
const WARN = 40;

/** Decides which lines are too many of one kind, and how many were left out before this one. */
function createLineLimit(now: () => number) {
  let beganAt = now();
  let written = new Map<string, number>();
  const leftOut = new Map<string, number>();

  return (message: string): { readonly write: boolean; readonly leftOut: number } => {
    if (now() - beganAt >= SECOND) {
      beganAt = now();
      written = new Map();
    }
    const kind = written.has(message) || written.size < MOST_MESSAGES ? message : 'others';
    const count = (written.get(kind) ?? 0) + 1;
    written.set(kind, count);
    if (count <= MOST_ALIKE) {
      const before = leftOut.get(kind) ?? 0;
      leftOut.delete(kind);
      return { write: true, leftOut: before };
    }
    if (leftOut.has(kind) || leftOut.size < MOST_MESSAGES) leftOut.set(kind, (leftOut.get(kind) ?? 0) + 1);
    return { write: false, leftOut: 0 };
  };
}

/** Standard output. That it closes, as a terminal or a pipe may, ends the lines and not the process. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true });
  output.on('error', () => undefined);
  return output;
}

/**
 * Makes the log: one JSON object a line. Whatever it is given, a line is bounded, and so is the number of lines that one
 * cause can write in a second: the next line of that kind says in `leftOut` how many are missing.
 *
 * @param destination where lines go; standard output if left out
 * @param now ms, by a clock that is never set back
 */
export function createLogger(
  level: LogLevel,
  destination: DestinationStream = standardOutput(),
  now: () => number = () => performance.now(),
): Logger {
  const admit = createLineLimit(now);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: {
        // No headers, no body and no query string: tokens and passwords come in all three.
        req: () => undefined,
        res: (reply: { statusCode?: number }) => ({ status: reply.statusCode }),
      },
      formatters: {
        log: ({ req, res, err, ...details }) => ({
          ...(bounded(details) as Record<string, unknown>),
          ...(typeof err === 'object' && err !== null ? { err: described(err) } : {}),
          ...(res === undefined ? {} : { res }),
          ...(req === undefined ? {} : { req }),
        }),
      },
      hooks: {
        logMethod([first, second, ...rest], method, lineLevel) {
          const details: unknown = typeof first === 'string' ? {} : first;
          const text: unknown = typeof first === 'string' ? first : second;
          const message = typeof text === 'string' ? clipped(text) : '';
          if (lineLevel < WARN) {
            method.call(this, details as object, message, ...rest);
            return;
          }
          const { write, leftOut } = admit(message);
          if (!write) return;
          // pino's own form for an error that stands alone.
          const named = details instanceof Error ? { err: details } : (details as object);
          method.call(this, leftOut > 0 ? { ...named, leftOut } : named, message, ...rest);
        },
      },
    },
    destination,
  );
}
