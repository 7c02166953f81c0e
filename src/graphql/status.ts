import { ApolloServerErrorCode } from '@apollo/server/errors';
import type { HTTPGraphQLHead } from '@apollo/server';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { ERROR_STATUS, type ErrorCode } from '../core/errors';

/**
 * The status of an answer. `errors`: it follows the errors. `200`: always 200 if the request could be read. Gateways
 * need that: they replace an answer with another status by an error of their own.
 */
export type HttpStatus = 'errors' | '200';

const isKnown = (code: unknown): code is ErrorCode => typeof code === 'string' && code in ERROR_STATUS;

/** Whether a root field has an answer: a value, or null without an error. */
const isPartial = (data: FormattedExecutionResult['data'], errors: readonly GraphQLFormattedError[]) =>
  Object.entries(data ?? {}).some(
    ([field, value]) => value !== null || !errors.some(({ path }) => path?.[0] === field),
  );

/** Whether the errors are about HTTP itself. Their status stays, whatever `HTTP_STATUS` says. */
const isAboutHttp = (errors: readonly GraphQLFormattedError[]) =>
  errors.some(({ extensions }) => extensions?.code === ApolloServerErrorCode.BAD_REQUEST);

/** Returns the status of errors without data: the highest. */
export const statusOf = (httpStatus: HttpStatus, errors: readonly GraphQLFormattedError[], other: number) =>
  httpStatus === '200' && !isAboutHttp(errors)
    ? 200
    : errors.reduce((highest, { extensions }) => {
        const code = extensions?.code;
        return isKnown(code) ? Math.max(highest, ERROR_STATUS[code]) : highest;
      }, other);

/** Sets the status of an answer, and `Retry-After`. An answer with data of one root field at least is 200. */
export function setHead(
  http: HTTPGraphQLHead,
  { data, errors = [] }: FormattedExecutionResult,
  httpStatus: HttpStatus,
): void {
  if (errors.length === 0) return;
  if (isPartial(data, errors)) {
    // An error may have brought its status along. Where a server has errors of its own, theirs stays.
    if (httpStatus === '200' || errors.every(({ extensions }) => isKnown(extensions?.code)))
      http.status = 200;
    return;
  }
  http.status = statusOf(httpStatus, errors, http.status ?? 200);
  if (http.status === 200) return;
  for (const { extensions } of errors) {
    if (isKnown(extensions?.code) && typeof extensions.retryAfter === 'number')
      http.headers.set('retry-after', `${extensions.retryAfter}`);
  }
}
