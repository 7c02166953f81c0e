import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';
import type { Availability } from '../core/availability';
import { isUnavailable, serviceUnavailable, TokenfenceError } from '../core/errors';

/** SQLSTATEs that have a meaning here (PostgreSQL, appendix A). */
const UNIQUE_VIOLATION = '23505';

/** By SQLSTATE, or its class: the server is away, going away, overloaded, read-only or gave up; later may go well. */
const AWAY = [
  '08', // connection exceptions
  '53', // insufficient resources
  '57P', // shutdown, crash, cannot connect now
  '57014', // query_canceled: the statement timeout
  '25006', // read_only_sql_transaction: a replica, after a failover
  '25P03', // idle_in_transaction_session_timeout
  '28', // the server does not let us in
  '3D000', // the database is not there
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
  'ECONN', // and what Node says of sockets
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_', // and of certificates
  'DEPTH_ZERO_',
  'SELF_SIGNED_',
  'UNABLE_TO_',
  'ERR_TLS_',
];

/** pg and its pool say these in words only. */
const AWAY_WORDS =
  /Connection terminated|Query read timeout|timeout exceeded when trying to connect|not queryable|Driver not Connected|Cannot use a pool after calling end|Client was closed/;

interface DriverError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
  /** Where a host has several addresses, what went wrong with each. */
  readonly errors?: readonly unknown[];
}

const driverErrorOf = (error: unknown): DriverError =>
  ((error instanceof QueryFailedError ? error.driverError : error) ?? {}) as DriverError;

function isAway(error: unknown): boolean {
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  const { code, message, errors } = driverErrorOf(error);
  if (typeof code === 'string' && AWAY.some((prefix) => code.startsWith(prefix))) return true;
  if (typeof message === 'string' && AWAY_WORDS.test(message)) return true;
  return errors?.some(isAway) ?? false;
}

export function violatesUnique(error: unknown, constraint: string): boolean {
  const fault = driverErrorOf(error);
  return fault.code === UNIQUE_VIOLATION && fault.constraint === constraint;
}

/** Turns a driver's error into `SERVICE_UNAVAILABLE` where it means that the store is away. */
export function translate(error: unknown): unknown {
  if (error instanceof TokenfenceError) return error;
  return isAway(error) ? serviceUnavailable(error) : error;
}

type Method = (...args: never[]) => Promise<unknown>;

/** The same object with every method's rejection translated, and its outcomes noted. */
export function translating<T extends object>(table: T, availability?: Availability): T {
  const watched =
    (method: Method): Method =>
    async (...args) => {
      try {
        const answer = await method(...args);
        availability?.worked();
        return answer;
      } catch (error) {
        const translated = translate(error);
        if (isUnavailable(translated)) availability?.failed((error as Error).message);
        throw translated;
      }
    };
  const methods = Object.entries(table as Record<string, Method>);
  return Object.fromEntries(methods.map(([name, method]) => [name, watched(method)])) as T;
}
