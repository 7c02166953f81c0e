import type {
  ApolloServerPlugin,
  GraphQLRequestContextDidResolveOperation as ResolvedRequest,
  HTTPGraphQLHead,
} from '@apollo/server';
import { type GraphQLFormattedError, OperationTypeNode } from 'graphql';
import { ERROR_STATUS, type ErrorCode } from '../core/errors';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { Context } from './context';
import { noteDenials } from './denials';
import { forLog, requestError } from './errors';
import { toLogoutReceipt } from './logout-receipt.type';
import { noteCode, topLevelFields } from './outcome';
import { refuseCostly } from './query-limits';

const ANSWERABLE = new Set(['application/json', 'application/graphql-response+json', 'application/*', '*/*']);

const canBeAnsweredIn = (accept: string | undefined) =>
  accept === undefined ||
  accept.split(',').some((type) => ANSWERABLE.has((type.split(';')[0] ?? '').trim().toLowerCase()));

/** Refuses requests that HTTP cannot answer before they run: a mutation must not take effect and then fail. */
function refuseUnanswerable({ operation, request }: ResolvedRequest<Context>): void {
  if (operation?.operation === OperationTypeNode.SUBSCRIPTION)
    throw requestError('BAD_REQUEST', 'Subscriptions are served over WebSocket, not over plain HTTP.');
  if (!canBeAnsweredIn(request.http?.headers.get('accept')))
    throw requestError('BAD_REQUEST', 'Responses are JSON. Send "Accept: application/json".', 406);
}

const isKnown = (code: unknown): code is ErrorCode => typeof code === 'string' && code in ERROR_STATUS;

/** Sets the HTTP status, the highest of all errors, and `Retry-After`. */
function setHead(http: HTTPGraphQLHead, errors: readonly GraphQLFormattedError[]): void {
  for (const { extensions } of errors) {
    if (!isKnown(extensions?.code)) continue;
    http.status = Math.max(http.status ?? 200, ERROR_STATUS[extensions.code]);
    if (typeof extensions.retryAfter === 'number')
      http.headers.set('retry-after', `${extensions.retryAfter}`);
  }
}

export interface RequestPluginOptions {
  readonly logger: Logger;
  readonly recordRefusal: RecordRefusal;
  /** Where the formatter finds the id of an error's request: Apollo does not give it the request. */
  readonly requestIds: WeakMap<object, string | undefined>;
}

/** Creates the plugin with everything that Apollo calls during a request, in the order of the calls. */
export function createRequestPlugin(options: RequestPluginOptions): ApolloServerPlugin<Context> {
  const { logger, recordRefusal, requestIds } = options;
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation(resolved) {
          refuseUnanswerable(resolved);
          refuseCostly(resolved);
          // After validation: every name is one of the schema's.
          const { operation, document, contextValue } = resolved;
          contextValue.outcome.fields = operation ? topLevelFields(operation, document) : [];
          return Promise.resolve();
        },

        didEncounterErrors({ errors, contextValue }) {
          for (const error of errors) requestIds.set(error, contextValue.client.requestId);
          noteDenials(recordRefusal, errors, contextValue);
          return Promise.resolve();
        },

        willSendResponse({ response: { body, http }, contextValue: { outcome, receipts } }) {
          if (body.kind !== 'single') return Promise.resolve();
          const { errors = [], extensions } = body.singleResult;
          noteCode(outcome, errors[0]);
          setHead(http, errors);
          if (receipts.length > 0) {
            body.singleResult.extensions = { ...extensions, revocations: receipts.map(toLogoutReceipt) };
          }
          return Promise.resolve();
        },
      }),

    unexpectedErrorProcessingRequest({ requestContext: { contextValue }, error }) {
      const { requestId } = contextValue.client;
      logger.error({ requestId, err: forLog(error) }, 'Unexpected error in a request.');
      return Promise.resolve();
    },
  };
}
