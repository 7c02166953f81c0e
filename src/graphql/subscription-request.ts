import {
  type ExecutionArgs,
  getOperationAST,
  getVariableValues,
  type GraphQLError,
  OperationTypeNode,
} from 'graphql';
import { type Documents, type DocumentsOptions, MOST_ERRORS, withCode } from './documents';
import { requestError } from './errors';
import { faultOfCost } from './query-limits';

/** The payload of a `subscribe` message. */
export interface SubscriptionRequest {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
}

export interface SubscriptionReaderOptions extends DocumentsOptions {
  readonly documents: Pick<Documents, 'read'>;
}

type Reading = Omit<ExecutionArgs, 'contextValue'> | readonly GraphQLError[];

const NO_OPERATION =
  'The document does not contain this operation. If it has several, send an operationName.';
const NO_SUBSCRIPTION = 'Only subscriptions are served over WebSocket. Send queries and mutations by POST.';

/**
 * Creates the reader of requests from a socket, which Apollo does not see. It accepts only subscriptions, with the
 * limits and error codes of HTTP, and returns the arguments of the execution, or errors.
 */
export function createSubscriptionReader({ schema, production, documents }: SubscriptionReaderOptions) {
  return (request: SubscriptionRequest): Reading => {
    const operationName = request.operationName ?? undefined;
    const variables = request.variables ?? {};
    const document = documents.read(request.query);
    if (!('kind' in document)) return document;
    const operation = getOperationAST(document, operationName);
    if (!operation) return [requestError('OPERATION_RESOLUTION_FAILURE', NO_OPERATION)];
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION)
      return [requestError('BAD_REQUEST', NO_SUBSCRIPTION)];

    const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, {
      maxErrors: MOST_ERRORS,
      hideSuggestions: production,
    });
    if (errors) return errors.map((error) => withCode(error, 'BAD_USER_INPUT'));
    const fault = faultOfCost({ schema, document, operationName, variables });
    if (fault) return [fault];
    return { schema, document, operationName, variableValues: variables, hideSuggestions: production };
  };
}
