import { QueryFailedError, TypeORMError } from 'typeorm';
import { isUnavailable } from '../core/errors';
import { StartError } from '../core/start-error';

interface DriverError {
  readonly message?: unknown;
  readonly code?: unknown;
  /** If a host has several addresses, the error of each. */
  readonly errors?: readonly DriverError[];
}

const wordsOf = ({ message, code, errors }: DriverError): string => {
  const words = typeof message === 'string' ? message : '';
  const first = errors?.[0];
  return words || (first ? wordsOf(first) : typeof code === 'string' ? code : 'no answer');
};

/** What an operator can do, by SQLSTATE (PostgreSQL, appendix A). */
const REMEDIES: Record<string, string> = {
  '42501':
    "Let its role own the database, or run as the database's owner: grant create on schema public to <role>.",
  '25006': 'It is a replica or set to read-only. Point DATABASE_URL to the primary.',
  '42P07': 'A table with that name exists already. Set DATABASE_SCHEMA to a separate schema.',
};

const remedyOf = (code: unknown) => (typeof code === 'string' ? REMEDIES[code] : undefined);

/**
 * Makes a `StartError` of an error when connecting. The driver's message is about the address or the server, and never
 * holds a password. Our own errors stay as they are.
 */
export function connectionFault(error: unknown): unknown {
  if (error instanceof StartError || (error instanceof TypeORMError && !(error instanceof QueryFailedError)))
    return error;
  const fault = ((error as { driverError?: unknown }).driverError ?? error) as DriverError;
  const { path } = fault as { path?: unknown };
  const what = typeof path === 'string' && !wordsOf(fault).includes(path) ? ` (${path})` : '';
  // https://www.pgbouncer.org/config.html#ignore_startup_parameters
  if (/unsupported startup parameter/.test(wordsOf(fault)))
    return new StartError(
      `DATABASE_URL points to a pooler that refuses our session settings: ${wordsOf(fault)}. ` +
        'Point it to Postgres itself.',
    );
  return new StartError(
    `Postgres cannot be used: ${wordsOf(fault)}${what}. ${remedyOf(fault.code) ?? 'Check DATABASE_URL.'}`,
  );
}

/** Makes a `StartError` of an error while the schema was brought up to date, if the database is the cause. */
export function preparationFault(error: unknown): unknown {
  if (isUnavailable(error)) {
    return new StartError(
      `The connection to Postgres was lost during the start: ${wordsOf(error.cause ?? {})}. Start again.`,
    );
  }
  if (!(error instanceof QueryFailedError)) return error;
  const { code } = error.driverError as DriverError;
  const remedy = remedyOf(code) ?? 'See the log of Postgres.';
  return new StartError(
    `Postgres refuses what the start needs: ${error.message} (SQLSTATE ${String(code)}). ${remedy}`,
  );
}
