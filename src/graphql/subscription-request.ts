import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  type ExecutionArgs,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  OperationTypeNode,
} from 'graphql';
import { createDocuments, type DocumentsOptions, MOST_ERRORS, withCode } from './documents';
import { faultOfCost } from './query-limits';

/** The payload of a `subscribe` message. */
export interface SubscriptionRequest {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
}

type Reading = Omit<ExecutionArgs, 'contextValue'> | readonly GraphQLError[];

const refusal = (message: string, code: ApolloServerErrorCode) => [
  new GraphQLError(message, { extensions: { code } }),
];

const NO_OPERATION =
  'The document does not contain this operation. If it has several, send an operationName.';
const NO_SUBSCRIPTION = 'Only subscriptions are served over WebSocket. Send queries and mutations by POST.';

/**
 * Creates the reader of requests from a socket, which Apollo does not see. It accepts only subscriptions, with the
 * limits and error codes of HTTP, and returns the arguments of the execution, or errors.
 */
export function createSubscriptionReader({ schema, production }: DocumentsOptions) {
  const documents = createDocuments({ schema, production });

  return (request: SubscriptionRequest): Reading => {
    const operationName = request.operationName ?? undefined;
    const variables = request.variables ?? {};
    const document = documents.read(request.query);
    if (!('kind' in document)) return document;
    const operation = getOperationAST(document, operationName);
    if (!operation) return refusal(NO_OPERATION, ApolloServerErrorCode.OPERATION_RESOLUTION_FAILURE);
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION)
      return refusal(NO_SUBSCRIPTION, ApolloServerErrorCode.BAD_REQUEST);

    const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, {
      maxErrors: MOST_ERRORS,
      hideSuggestions: production,
    });
    if (errors) return errors.map((error) => withCode(error, ApolloServerErrorCode.BAD_USER_INPUT));
    const fault = faultOfCost({ schema, document, operationName, variables });
    return fault
      ? [fault]
      : { schema, document, operationName, variableValues: variables, hideSuggestions: production };
  };
}
