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

/** Codes after which the whole transaction may be run again: Postgres rolled it back in favour of another. */
const OVERTAKEN = [
  '40001', // serialization_failure
  '40P01', // deadlock_detected
];

/** Codes that concern one statement only: the server works, and another attempt may succeed. */
const UNLUCKY = [
  ...OVERTAKEN,
  '57014', // query_canceled: the statement timeout
  '25P03', // idle_in_transaction_session_timeout
  '25P04', // transaction_timeout
  '55P03', // lock_not_available
];

/** The pool's message when every connection is in use: this process is busy, but Postgres is reachable. */
const BUSY_WORDS = /timeout exceeded when trying to connect/;

/** Messages of pg and its pool for errors that have no code. */
const AWAY_WORDS =
  /Connection terminated|Query read timeout|not queryable|Driver not Connected|Cannot use a pool after calling end|Client was closed/;

export interface DriverError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
  /** The path of a file that could not be read, of a certificate for example. */
  readonly path?: unknown;
  /** If a host has several addresses, the error of each. */
  readonly errors?: readonly DriverError[];
}

export const driverErrorOf = (error: unknown): DriverError =>
  ((error instanceof QueryFailedError ? error.driverError : error) ?? {}) as DriverError;

/** Returns the SQLSTATE of an error of Postgres, or the code of an error of the connection; `undefined` if it has none. */
export function codeOf(error: unknown): string | undefined {
  const { code } = driverErrorOf(error);
  return typeof code === 'string' ? code : undefined;
}

const startsWithOne = (prefixes: readonly string[], error: unknown) =>
  prefixes.some((prefix) => codeOf(error)?.startsWith(prefix));

const says = (words: RegExp, message: unknown) => typeof message === 'string' && words.test(message);

function isAway(error: unknown): boolean {
  // The connection broke between two statements of a transaction. Either error may be thrown.
  if (
    error instanceof QueryRunnerAlreadyReleasedError ||
    error instanceof QueryRunnerProviderAlreadyReleasedError
  ) {
    return true;
  }
  const { message, errors } = driverErrorOf(error);
  return startsWithOne(AWAY, error) || says(AWAY_WORDS, message) || (errors?.some(isAway) ?? false);
}

const isUnlucky = (error: unknown): boolean =>
  startsWithOne(UNLUCKY, error) || says(BUSY_WORDS, driverErrorOf(error).message);

/** Whether Postgres rolled back the transaction in favour of another, so that it may be run again at once. */
export function wasOvertaken(error: unknown): boolean {
  return startsWithOne(OVERTAKEN, error instanceof TokenfenceError ? error.cause : error);
}

export const violatesUnique = (error: unknown, constraint: string): boolean =>
  codeOf(error) === UNIQUE_VIOLATION && driverErrorOf(error).constraint === constraint;

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
