import { isNotFound, isUnavailable, TokenfenceError } from '../core/errors';
import { StartError } from '../core/start-error';
import { missingPackage } from '../server/explain';
import { EXIT_CODES, type Outcome } from './job';

const UNKNOWN_USER = 'No user has this email or id. See: tokenfence admin list --search <email>';

const UNAVAILABLE =
  'Postgres cannot be reached, or did not answer in time. If this was a change, it may have been made. ' +
  'Run the command again: it does no harm to repeat it.';

/** Tells of an unexpected error without its text, which may hold a statement, a value or a secret. */
function unexpected(error: unknown): string {
  const { driverError } = error as { driverError?: { code?: unknown } };
  if (typeof driverError?.code === 'string')
    return `Postgres refused a statement (SQLSTATE ${driverError.code}). Its log says why.`;
  return `An unexpected error (${error instanceof Error ? error.name : typeof error}). Please report it.`;
}

/** Says what went wrong, in a sentence for an operator: never a stack, SQL or a secret. */
export function failureOf(error: unknown): Outcome {
  const failed = (text: string): Outcome => ({ code: EXIT_CODES.failed, text: `${text}\n` });
  if (error instanceof StartError) return failed(error.message);
  if (isNotFound(error)) return { code: EXIT_CODES.unknownUser, text: `${UNKNOWN_USER}\n` };
  if (isUnavailable(error)) return failed(UNAVAILABLE);
  if (error instanceof TokenfenceError) return failed(error.message);
  return failed(missingPackage(error) ?? unexpected(error));
}
