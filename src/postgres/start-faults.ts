import { QueryFailedError, TypeORMError } from 'typeorm';
import { isUnavailable } from '../core/errors';
import { StartError } from '../core/start-error';

interface DriverError {
  readonly message?: unknown;
  readonly code?: unknown;
  /** Where a host has several addresses, what went wrong with each. */
  readonly errors?: readonly DriverError[];
}

const wordsOf = ({ message, code, errors }: DriverError): string => {
  const words = typeof message === 'string' ? message : '';
  const first = errors?.[0];
  return words || (first ? wordsOf(first) : typeof code === 'string' ? code : 'no answer');
};

/** By SQLSTATE (PostgreSQL, appendix A): what an operator does about it. */
const REMEDIES: Record<string, string> = {
  '42501':
    "Let its role own the database, or run as the database's owner: grant create on schema public to <role>.",
  '25006': 'It is a replica or set to read-only. Point DATABASE_URL to the primary.',
  '42P07': 'A table of that name is there already. Set DATABASE_SCHEMA to a schema of its own.',
};

const remedyOf = (code: unknown) => (typeof code === 'string' ? REMEDIES[code] : undefined);

/**
 * What went wrong when connecting, as a `StartError` for the operator. Whatever the driver says is about the address or the
 * server: its own words are told, which never hold a password. An error of our own stays as it is.
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
      `DATABASE_URL leads to a pooler that refuses what each session asks for: ${wordsOf(fault)}. ` +
        'Let it lead to Postgres itself.',
    );
  return new StartError(
    `Postgres cannot be used: ${wordsOf(fault)}${what}. ${remedyOf(fault.code) ?? 'Is DATABASE_URL right?'}`,
  );
}

/** What went wrong when the schema was brought up to date, as a `StartError` where the database is what is wrong. */
export function preparationFault(error: unknown): unknown {
  if (isUnavailable(error)) {
    return new StartError(`Postgres was lost during the start: ${wordsOf(error.cause ?? {})}. Start again.`);
  }
  if (!(error instanceof QueryFailedError)) return error;
  const { code } = error.driverError as DriverError;
  const remedy = remedyOf(code) ?? 'See the log of Postgres.';
  return new StartError(
    `Postgres refuses what the start needs: ${error.message} (SQLSTATE ${String(code)}). ${remedy}`,
  );
}
