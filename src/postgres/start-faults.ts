import { QueryFailedError, TypeORMError } from 'typeorm';
import { isUnavailable } from '../core/errors';
import { StartError } from '../core/start-error';
import { OR_MIGRATE } from './ledger';
import { codeOf, type DriverError, driverErrorOf } from './faults';

const wordsOf = ({ message, code, errors }: DriverError): string => {
  const words = typeof message === 'string' ? message : '';
  const first = errors?.[0];
  return words || (first ? wordsOf(first) : typeof code === 'string' ? code : 'no answer');
};

/** What an operator can do, by SQLSTATE (PostgreSQL, appendix A). */
const REMEDIES: Record<string, string> = {
  '42501': `Its role needs the rights of a node, and for migrations those of the owner. ${OR_MIGRATE}`,
  '25006': 'It is a replica or set to read-only. Point DATABASE_URL to the primary.',
  '42P07': 'A table with that name exists already. Set DATABASE_SCHEMA to a separate schema.',
};

const remedyOf = (error: unknown) => REMEDIES[codeOf(error) ?? ''];

/**
 * Makes a `StartError` of an error when connecting. The driver's message is about the address or the server, and never
 * holds a password. Our own errors stay as they are.
 */
export function connectionFault(error: unknown): unknown {
  if (error instanceof StartError || (error instanceof TypeORMError && !(error instanceof QueryFailedError)))
    return error;
  const fault = driverErrorOf(error);
  const words = wordsOf(fault);
  // https://www.pgbouncer.org/config.html#ignore_startup_parameters
  if (/unsupported startup parameter/.test(words))
    return new StartError(
      `DATABASE_URL points to a pooler that refuses our session settings: ${words}. Set its ` +
        'ignore_startup_parameters (docs/postgres.md, "Behind a pooler"), or point DATABASE_URL to Postgres itself.',
    );
  const { path } = fault;
  const file = typeof path === 'string' && !words.includes(path) ? ` (${path})` : '';
  return new StartError(
    `Postgres cannot be used: ${words}${file}. ${remedyOf(error) ?? 'Check DATABASE_URL.'}`,
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
  const remedy = remedyOf(error) ?? 'See the log of Postgres.';
  return new StartError(
    `Postgres refuses what the start needs: ${error.message} (SQLSTATE ${String(codeOf(error))}). ${remedy}`,
  );
}
