import type { ApolloServerPlugin } from '@apollo/server';
import { type DocumentNode, getVariableValues, GraphQLError, type GraphQLSchema } from 'graphql';
import {
  type ComplexityEstimator,
  fieldExtensionsEstimator,
  getComplexity,
  simpleEstimator,
} from 'graphql-query-complexity';
import { MOST_ERRORS } from './documents';

/** Points that one operation may cost. A field costs one, a list what its items cost. */
export const HIGHEST_COST = 10_000;

/** So that ten mutations fit into a request with what they answer, and not a thousand attempts at a password. */
export const COST_OF_MUTATION = 950;

export const costOfList: ComplexityEstimator = ({ args, childComplexity }) => {
  const first = (args as { first?: unknown }).first;
  return (typeof first === 'number' && first > 0 ? first : 1) * (1 + childComplexity);
};

export const badUserInput = (message: string) =>
  new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } } });

/** One operation of a document, and what it is to be run with. */
export interface CountedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string;
  readonly variables: Record<string, unknown>;
}

/** What is wrong with the cost of an operation, whose variables fit, if anything is (OWASP ASVS 4.3.1). */
export function faultOfCost({ document, ...operation }: CountedOperation): GraphQLError | undefined {
  let cost: number;
  try {
    cost = getComplexity({
      ...operation,
      query: document,
      estimators: [fieldExtensionsEstimator(), simpleEstimator({ defaultComplexity: 1 })],
    });
  } catch (error) {
    // It has too many parts to be counted, or one that cannot be: then execution would still run the others.
    if (error instanceof GraphQLError) return badUserInput(error.message);
    throw error;
  }
  if (cost <= HIGHEST_COST) return undefined;
  return badUserInput(
    `This operation costs ${cost} points, and ${HIGHEST_COST} are allowed. Ask for less, or in several requests.`,
  );
}

/** Refuses an operation that would cost too much before any of it is run. */
export const costLimit: ApolloServerPlugin = {
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ request, document, operation, schema }) {
        const { variables = {}, operationName } = request;
        // No such operation, or variables that do not fit: execution runs nothing then, and says it better.
        if (!operation) return Promise.resolve();
        const definitions = operation.variableDefinitions ?? [];
        if (getVariableValues(schema, definitions, variables, { maxErrors: MOST_ERRORS }).errors) {
          return Promise.resolve();
        }
        const fault = faultOfCost({ schema, document, operationName, variables });
        if (fault) throw fault;
        return Promise.resolve();
      },
    }),
};
