import type * as GraphqlPackage from 'graphql';
import type { GraphQLError } from 'graphql';
import type { TokenfenceError } from '../core/errors';

/** Loads the service's own copy. Bundlers treat a `require` in a `try` as optional: services may lack GraphQL. */
function loadGraphql(): typeof GraphqlPackage {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when needed
    return require('graphql') as typeof GraphqlPackage;
  } catch (error) {
    throw new Error(
      'The package graphql is not installed. Install 16.3 or later: the GraphQL adapters need it.',
      {
        cause: error,
      },
    );
  }
}

export function toGraphQLError(error: TokenfenceError): GraphQLError {
  const { GraphQLError: Made } = loadGraphql();
  return new Made(error.message, {
    extensions: { code: error.code, ...error.details, http: { status: error.status } },
  });
}
