import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import type { Availability } from '../core/availability';
import { serviceUnavailable, TokenfenceError } from '../core/errors';

/** SQLSTATE (PostgreSQL, appendix A). */
const UNIQUE_VIOLATION = '23505';

/** Codes, or their beginnings, that mean: the server is unreachable, shutting down, overloaded or read-only. */
const AWAY = [
  '08', // connection exceptions
  '53', // insufficient resources
  '57P', // shutdown, crash, cannot connect now
  '25006', // read_only_sql_transaction: a replica, after a failover
  '28', // invalid authorization
  '3D000', // the database does not exist
  'ECONN', // errors of Node's sockets
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

/** Codes that concern one statement only: the server works, and another attempt may succeed. */
const UNLUCKY = [
  '57014', // query_canceled: the statement timeout
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available
];

/** Codes after which the whole transaction may be run again: Postgres rolled it back in favour of another. */
const OVERTAKEN = ['40001', '40P01'];

/** The pool's message when every connection is in use: this process is busy, but Postgres is reachable. */
const BUSY_WORDS = /timeout exceeded when trying to connect/;

/** Messages of pg and its pool for errors that have no code. */
const AWAY_WORDS =
  /Connection terminated|Query read timeout|not queryable|Driver not Connected|Cannot use a pool after calling end|Client was closed/;

interface DriverError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
  /** If a host has several addresses, the error of each. */
  readonly errors?: readonly unknown[];
}

const driverErrorOf = (error: unknown): DriverError =>
  ((error instanceof QueryFailedError ? error.driverError : error) ?? {}) as DriverError;

const startsWithOne = (prefixes: readonly string[], code: unknown) =>
  typeof code === 'string' && prefixes.some((prefix) => code.startsWith(prefix));

const says = (words: RegExp, message: unknown) => typeof message === 'string' && words.test(message);

function isAway(error: unknown): boolean {
  // The connection broke between two statements of a transaction. Either error may be thrown.
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

/** Whether Postgres rolled back the transaction in favour of another, so that it may be run again at once. */
export function wasOvertaken(error: unknown): boolean {
  const original = error instanceof TokenfenceError ? error.cause : error;
  return startsWithOne(OVERTAKEN, driverErrorOf(original).code);
}

export function violatesUnique(error: unknown, constraint: string): boolean {
  const fault = driverErrorOf(error);
  return fault.code === UNIQUE_VIOLATION && fault.constraint === constraint;
}

/**
 * Turns a driver's error into `SERVICE_UNAVAILABLE` if another attempt may succeed.
 *
 * @param availability told if the server cannot be reached
 */
export function translate(error: unknown, availability?: Availability): unknown {
  if (error instanceof TokenfenceError) return error;
  const away = isAway(error);
  if (away) availability?.failed(error instanceof Error ? error.message : 'unknown');
  return away || isUnlucky(error) ? serviceUnavailable(error) : error;
}

type Method = (...args: never[]) => Promise<unknown>;

/** Wraps every method of an object: translates its errors and reports its outcome to `availability`. */
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
