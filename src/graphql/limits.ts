import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  Kind,
} from 'graphql';
import {
  type ComplexityEstimatorArgs,
  fieldExtensionsEstimator,
  getComplexity,
  simpleEstimator,
} from 'graphql-query-complexity';
import { MOST_ERRORS } from './documents';
import { introspectionEstimator } from './introspection-cost';

/** Points that one operation may cost. A field costs one, a list what its items cost. */
export const HIGHEST_COST = 10_000;

/** So that ten mutations fit into a request with what they answer, and not a thousand attempts at a password. */
export const COST_OF_MUTATION = 910;

/** A page is a statement of SQL, and the sessions on it are one more. Three pages fit into a request. */
export const COST_OF_PAGE = 2500;

/** A text may be hundreds of characters long. */
export const COST_OF_TEXT = 5;

/** Fields of an operation, counted again wherever a fragment stands: fragments in fragments double with each level. */
export const MOST_NODES = 2000;

/** Items of a list that is asked for without a length. */
export const DEFAULT_ITEMS = 20;

/** Items that a list costs at least, as it takes a while to ask for one at all. */
export const FEWEST_ITEMS = 10;

/** A list whose length the client chooses. One that is out of bounds is refused when it is run. */
export const costOfList = ({ args, childComplexity }: ComplexityEstimatorArgs): number => {
  const { first } = args as { first?: number | null };
  return Math.max(first ?? DEFAULT_ITEMS, FEWEST_ITEMS) * (1 + childComplexity);
};

export const costOfPage = (field: ComplexityEstimatorArgs): number => COST_OF_PAGE + costOfList(field);

export const badUserInput = (message: string) =>
  new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } } });

/** One operation of a document, and what it is to be run with. */
export interface CountedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string;
  readonly variables: Record<string, unknown>;
}

const fragmentsIn = ({ definitions }: DocumentNode): ReadonlyMap<string, FragmentDefinitionNode> =>
  new Map(
    definitions.flatMap((each) => (each.kind === Kind.FRAGMENT_DEFINITION ? [[each.name.value, each]] : [])),
  );

/** What is wrong with the cost of an operation, whose variables fit, if anything is (OWASP ASVS 4.3.1). */
export function faultOfCost({ document, ...operation }: CountedOperation): GraphQLError | undefined {
  let cost: number;
  try {
    cost = getComplexity({
      ...operation,
      query: document,
      maxQueryNodes: MOST_NODES,
      estimators: [
        introspectionEstimator({
          schema: operation.schema,
          fragments: fragmentsIn(document),
          highest: HIGHEST_COST,
        }),
        fieldExtensionsEstimator(),
        simpleEstimator({ defaultComplexity: 1 }),
      ],
    });
  } catch (error) {
    // It has too many parts to be counted, or one that cannot be: then execution would still run the others.
    if (error instanceof GraphQLError) return badUserInput(error.message);
    throw error;
  }
  if (cost <= HIGHEST_COST) return undefined;
  return badUserInput(
    `This operation costs ${Math.ceil(cost)} points, and ${HIGHEST_COST} are allowed. Ask for less, or in several requests.`,
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
