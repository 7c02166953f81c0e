import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError } from 'graphql';
import {
  type ComplexityEstimator,
  fieldExtensionsEstimator,
  getComplexity,
  simpleEstimator,
} from 'graphql-query-complexity';

/** Tokens of the query language in one document; parsing stops there. */
export const MOST_TOKENS = 1500;

/** Points that one operation may cost. A field costs one, a list what its items cost. */
export const HIGHEST_COST = 10_000;

/** So that ten mutations fit into a request, and not a thousand attempts at a password. */
export const COST_OF_MUTATION = 1000;

export const costOfList: ComplexityEstimator = ({ args, childComplexity }) => {
  const first = (args as { first?: unknown }).first;
  return (typeof first === 'number' && first > 0 ? first : 1) * (1 + childComplexity);
};

/** Refuses an operation that would cost too much before any of it is run (OWASP ASVS 4.3.1). */
export const costLimit: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ request, document, schema }) {
        let cost: number;
        try {
          cost = getComplexity({
            schema,
            query: document,
            operationName: request.operationName,
            variables: request.variables,
            estimators: [fieldExtensionsEstimator(), simpleEstimator({ defaultComplexity: 1 })],
          });
        } catch (error) {
          // The variables do not fit. Execution coerces them by the same rules, runs nothing, and says it better.
          if (error instanceof GraphQLError) return Promise.resolve();
          throw error;
        }
        if (cost > HIGHEST_COST) {
          throw new GraphQLError(
            `This operation costs ${cost} points, and ${HIGHEST_COST} are allowed. Ask for less, or in several requests.`,
            { extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } } },
          );
        }
        return Promise.resolve();
      },
    }),
};
