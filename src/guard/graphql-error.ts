import type * as GraphqlPackage from 'graphql';
import type { GraphQLError } from 'graphql';
import type { TokenfenceError } from '../core/errors';

/**
 * Makes the error that GraphQL servers show with its code and, over HTTP, its status. The package is loaded only here:
 * a service without GraphQL needs it not.
 */
export function toGraphQLError(error: TokenfenceError): GraphQLError {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only when it is needed, and from the service's own copy
  const { GraphQLError: Made } = require('graphql') as typeof GraphqlPackage;
  return new Made(error.message, {
    extensions: { code: error.code, ...error.details, http: { status: error.status } },
  });
}
