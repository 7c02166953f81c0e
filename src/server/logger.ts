import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/config';
import type { Logger as OwnLogger } from '../core/ports/logger';
import { bounded, clipped, described } from './bounded-value';

/** Lines with the same message in a second, from `warn` up. A failing store would write one for each request. */
const MOST_ALIKE = 20;

/** Different messages that are counted separately; the rest share one limit. */
const MOST_MESSAGES = 200;

/** ms */
const SECOND = 1000;

/** pino's number of the level `warn`. */
const WARN = 40;

/** Decides whether a line is written, and counts the lines of its kind that were left out before it. */
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

/** Opens standard output. If it closes, as a terminal or a pipe may, the log ends but the process goes on. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true });
  output.on('error', () => undefined);
  return output;
}

/** Bounds the details of a line, and describes its error: a failed query carries its parameters. */
const safe = ({ err, ...details }: { readonly err?: unknown }) => ({
  ...(bounded(details) as Record<string, unknown>),
  ...(typeof err === 'object' && err !== null ? { err: described(err) } : {}),
});

/** Makes the log of an application ours: it gets no more of an error than our own does. */
export const safely = (logger: OwnLogger): OwnLogger => ({
  debug: (details, message) => logger.debug(safe(details), message),
  info: (details, message) => logger.info(safe(details), message),
  warn: (details, message) => logger.warn(safe(details), message),
  error: (details, message) => logger.error(safe(details), message),
});

/**
 * Creates the log: one JSON object a line. The length of a line is limited, and so is the number of equal lines a
 * second. The next line of that kind says in `leftOut` how many are missing.
 *
 * @param destination where lines go; standard output if left out
 * @param now ms, by a monotonic clock
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
        // No headers, body or query string: tokens and passwords are sent in all three.
        req: () => undefined,
        res: (reply: { statusCode?: number }) => ({ status: reply.statusCode }),
      },
      formatters: {
        log: ({ req, res, ...details }) => ({
          ...safe(details),
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
          // pino's form for an error without details.
          const named = details instanceof Error ? { err: details } : (details as object);
          method.call(this, leftOut > 0 ? { ...named, leftOut } : named, message, ...rest);
        },
      },
    },
    destination,
  );
}
