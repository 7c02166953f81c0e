import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './config/config';
import { clientAddressOf } from './http/client-address';

interface Faulty {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  stack?: unknown;
  driverError?: Faulty;
}

interface LoggedRequest {
  readonly method?: string;
  readonly url?: string;
  readonly ip: string;
  readonly ips?: string[];
}

/**
 * What the log says of an error: what it is and where it came from. Not its other members: a failed query brings its
 * parameters, which are hashes, emails and addresses, and Postgres adds the row that was in the way.
 */
function describe(error: Faulty): Record<string, unknown> {
  return {
    type: error.name,
    message: error.message,
    code: error.code ?? error.driverError?.code,
    stack: error.stack,
  };
}

/** @param destination where lines go; standard output if left out */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: {
      err: describe,
      // No headers, no body and no query string: tokens and passwords come in all three.
      req: (request: LoggedRequest) => ({
        method: request.method,
        path: request.url?.split('?')[0],
        ip: clientAddressOf(request),
      }),
      res: (reply: { statusCode?: number }) => ({ status: reply.statusCode }),
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
