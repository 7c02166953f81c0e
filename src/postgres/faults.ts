import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import type { Availability } from '../core/availability';
import { serviceUnavailable, TokenfenceError } from '../core/errors';

/** SQLSTATEs that have a meaning here (PostgreSQL, appendix A). */
const UNIQUE_VIOLATION = '23505';

/** By SQLSTATE, or its class: the server is away, going away, overloaded or read-only. */
const AWAY = [
  '08', // connection exceptions
  '53', // insufficient resources
  '57P', // shutdown, crash, cannot connect now
  '25006', // read_only_sql_transaction: a replica, after a failover
  '28', // the server does not let us in
  '3D000', // the database is not there
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

/** And these are of one statement only: the server is there, and another attempt may go well. */
const UNLUCKY = [
  '57014', // query_canceled: the statement timeout
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
];

/** And after these the whole transaction may be run again at once: Postgres has undone it, in favour of another. */
const OVERTAKEN = ['40001', '40P01'];

/** Every connection of the pool is in use: we are busy, not Postgres away. */
const BUSY_WORDS = /timeout exceeded when trying to connect/;

/** pg and its pool say these in words only. */
const AWAY_WORDS =
  /Connection terminated|Query read timeout|not queryable|Driver not Connected|Cannot use a pool after calling end|Client was closed/;

interface DriverError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
  /** Where a host has several addresses, what went wrong with each. */
  readonly errors?: readonly unknown[];
}

const driverErrorOf = (error: unknown): DriverError =>
  ((error instanceof QueryFailedError ? error.driverError : error) ?? {}) as DriverError;

const startsWithOne = (prefixes: readonly string[], code: unknown) =>
  typeof code === 'string' && prefixes.some((prefix) => code.startsWith(prefix));

const says = (words: RegExp, message: unknown) => typeof message === 'string' && words.test(message);

function isAway(error: unknown): boolean {
  // The connection broke between two statements of a transaction; which one is thrown depends on who is asked next.
  if (
    error instanceof QueryRunnerAlreadyReleasedError ||
    error instanceof QueryRunnerProviderAlreadyReleasedError
  ) {
    return true;
  }
  const { code, message, errors } = driverErrorOf(error);
  return startsWithOne(AWAY, code) || says(AWAY_WORDS, message) || (errors?.some(isAway) ?? false);
}

function isUnlucky(error: unknown): boolean {
  const { code, message } = driverErrorOf(error);
  return startsWithOne(UNLUCKY, code) || says(BUSY_WORDS, message);
}

/** Whether Postgres undid the transaction in favour of another one, so that it may be run again at once. */
export function wasOvertaken(error: unknown): boolean {
  const original = error instanceof TokenfenceError ? error.cause : error;
  return startsWithOne(OVERTAKEN, driverErrorOf(original).code);
}

export function violatesUnique(error: unknown, constraint: string): boolean {
  const fault = driverErrorOf(error);
  return fault.code === UNIQUE_VIOLATION && fault.constraint === constraint;
}

/**
 * Turns a driver's error into `SERVICE_UNAVAILABLE` where it means that another attempt may go well.
 *
 * @param availability told when it means that the server is away
 */
export function translate(error: unknown, availability?: Availability): unknown {
  if (error instanceof TokenfenceError) return error;
  const away = isAway(error);
  if (away) availability?.failed(error instanceof Error ? error.message : 'unknown');
  return away || isUnlucky(error) ? serviceUnavailable(error) : error;
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
        throw translate(error, availability);
      }
    };
  const methods = Object.entries(table as Record<string, Method>);
  return Object.fromEntries(methods.map(([name, method]) => [name, watched(method)])) as T;
}
