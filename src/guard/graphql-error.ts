import type * as GraphqlPackage from 'graphql';
import type { GraphQLError } from 'graphql';
import type { TokenfenceError } from '../core/errors';

/**
 * Loads the service's own copy. In a `try`, as bundlers take what is required there for optional: the build of a service
 * without GraphQL would fail otherwise.
 */
function loadGraphql(): typeof GraphqlPackage {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- only when it is needed
    return require('graphql') as typeof GraphqlPackage;
  } catch (error) {
    throw new Error('The package graphql, 16.3 or later, is not installed. Adapters for GraphQL need it.', {
      cause: error,
    });
  }
}

/**
 * Makes the error that GraphQL servers show with its code and, over HTTP, its status. The package is loaded only here:
 * a service without GraphQL needs it not.
 */
export function toGraphQLError(error: TokenfenceError): GraphQLError {
  const { GraphQLError: Made } = loadGraphql();
  return new Made(error.message, {
    extensions: { code: error.code, ...error.details, http: { status: error.status } },
  });
}
