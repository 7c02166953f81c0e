import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/config';
import type { Logger as OwnLogger } from '../core/ports/logger';
import { clipped, safe } from '../core/bounded-value';
import { createLineLimit } from '../core/line-limit';

/** pino's number of the level `warn`. */
const WARN = 40;

/** Opens standard output. If it closes, as a terminal or a pipe may, the log ends but the process goes on. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true });
  output.on('error', () => undefined);
  return output;
}

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
