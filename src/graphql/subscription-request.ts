import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  type DocumentNode,
  type ExecutionArgs,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { faultOfCost, MOST_TOKENS } from './limits';

/** What a client sends to begin a subscription. */
export interface SubscriptionRequest {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
}

type Reading = Omit<ExecutionArgs, 'contextValue'> | readonly GraphQLError[];

const coded = (error: GraphQLError, code: ApolloServerErrorCode) =>
  new GraphQLError(error.message, {
    nodes: error.nodes,
    source: error.source,
    positions: error.positions,
    originalError: error.originalError,
    extensions: { code },
  });

const refusal = (message: string, code: ApolloServerErrorCode) => [
  new GraphQLError(message, { extensions: { code } }),
];

const NO_OPERATION = 'There is no such operation in the document. If it has several, name one.';
const NO_SUBSCRIPTION = 'Only subscriptions are served over WebSocket. Send queries and mutations by POST.';

/**
 * Reads what came over a socket, where Apollo does not see it: subscriptions only, under the same limits and with the
 * same error codes as over HTTP. Answers what is to be executed, or why nothing is.
 */
export function createSubscriptionReader({
  schema,
  production,
}: {
  schema: GraphQLSchema;
  production: boolean;
}) {
  const rules = production ? [...specifiedRules, NoSchemaIntrospectionCustomRule] : specifiedRules;

  return (request: SubscriptionRequest): Reading => {
    const operationName = request.operationName ?? undefined;
    const variables = request.variables ?? {};
    let document: DocumentNode;
    try {
      document = parse(request.query, { maxTokens: MOST_TOKENS });
    } catch (error) {
      if (error instanceof GraphQLError) return [coded(error, ApolloServerErrorCode.GRAPHQL_PARSE_FAILED)];
      throw error;
    }
    const operation = getOperationAST(document, operationName);
    if (!operation) return refusal(NO_OPERATION, ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE);
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION)
      return refusal(NO_SUBSCRIPTION, ApolloServerErrorCode.BAD_REQUEST);

    const invalid = validate(schema, document, rules);
    if (invalid.length > 0)
      return invalid.map((error) => coded(error, ApolloServerErrorCode.GRAPHQL_VALIDATION_FAILED));
    const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
    if (errors) return errors.map((error) => coded(error, ApolloServerErrorCode.BAD_USER_INPUT));
    const fault = faultOfCost({ schema, document, operationName, variables });
    return fault ? [fault] : { schema, document, operationName, variableValues: variables };
  };
}
