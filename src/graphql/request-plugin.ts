import type {
  ApolloServerPlugin,
  GraphQLRequestContextDidResolveOperation as ResolvedRequest,
} from '@apollo/server';
import { type GraphQLError, OperationTypeNode } from 'graphql';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import { noteDenials } from './denials';
import { forLog, isOfHook, isOurs, requestError } from './errors';
import { toLogoutReceipt } from './logout-receipt.type';
import { MOST_FIELDS, noteCode, topLevelFields } from './outcome';
import { type AddedContext, ownPartOf } from './own-context';
import type { OwnFields } from './own-fields';
import { refuseCostly } from './query-limits';
import { recheckForeignMutations } from './root-fields';
import { type HttpStatus, setHead } from './status';

const ANSWERABLE = new Set(['application/json', 'application/graphql-response+json', 'application/*', '*/*']);

const canBeAnsweredIn = (accept: string | undefined) =>
  accept === undefined ||
  accept.split(',').some((type) => ANSWERABLE.has((type.split(';')[0] ?? '').trim().toLowerCase()));

/** Refuses requests that HTTP cannot answer before they run: a mutation must not take effect and then fail. */
function refuseUnanswerable({ operation, request }: ResolvedRequest<Partial<AddedContext>>): void {
  if (operation?.operation === OperationTypeNode.SUBSCRIPTION)
    throw requestError('BAD_REQUEST', 'Subscriptions are served over WebSocket, not over plain HTTP.');
  if (!canBeAnsweredIn(request.http?.headers.get('accept')))
    throw requestError('BAD_REQUEST', 'Responses are JSON. Send "Accept: application/json".', 406);
}

/**
 * Whether the errors decide on the status: all are ours, or the schema is ours alone and no hook threw one. Otherwise the
 * server of the application decides.
 */
const areDecisive = (thrown: readonly GraphQLError[], isAlone: boolean) =>
  thrown.every((error) => (isAlone ? !isOfHook(error) : isOurs(error)));

export interface RequestPluginOptions {
  readonly logger: Logger;
  readonly recordRefusal: RecordRefusal;
  readonly httpStatus: HttpStatus;
  /** Where the formatter finds the id of an error's request: Apollo does not give it the request. */
  readonly requestIds: WeakMap<object, string | undefined>;
  /** Which fields are ours, where others may be in the schema too. */
  readonly own: OwnFields;
}

const ROOT_TYPES = { query: 'Query', mutation: 'Mutation', subscription: 'Subscription' };

/**
 * Creates the plugin with everything that Apollo calls during a request, in the order of the calls. The schema may have
 * other fields than ours. Their operations, and their errors, are left alone.
 */
export function createRequestPlugin(
  options: RequestPluginOptions,
): ApolloServerPlugin<Partial<AddedContext>> {
  const { logger, recordRefusal, httpStatus, requestIds, own } = options;
  return {
    serverWillStart({ schema }) {
      recheckForeignMutations(schema, own);
      return Promise.resolve();
    },

    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation(resolved) {
          const { operation, document, contextValue } = resolved;
          // After validation: every name is one of the schema's.
          const fields = operation ? topLevelFields(operation, document) : [];
          const part = ownPartOf(contextValue);
          if (part) part.outcome.fields = fields.slice(0, MOST_FIELDS);
          const type = ROOT_TYPES[operation?.operation ?? 'query'];
          if (fields.some((name) => own.has(type, name))) refuseUnanswerable(resolved);
          refuseCostly(resolved, own);
          return Promise.resolve();
        },

        didEncounterErrors({ errors, contextValue }) {
          const part = ownPartOf(contextValue);
          if (!part) return Promise.resolve();
          for (const error of errors) requestIds.set(error, part.client.requestId);
          noteDenials(recordRefusal, errors, part);
          return Promise.resolve();
        },

        willSendResponse({ response: { body, http }, errors: thrown = [], contextValue, schema }) {
          const part = ownPartOf(contextValue);
          if (!part || body.kind !== 'single') return Promise.resolve();
          const { errors, extensions } = body.singleResult;
          noteCode(part.outcome, errors?.[0]);
          if (httpStatus === '200' || areDecisive(thrown, own.isAlone(schema)))
            setHead(http, body.singleResult, httpStatus);
          if (part.receipts.length > 0) {
            body.singleResult.extensions = { ...extensions, revocations: part.receipts.map(toLogoutReceipt) };
          }
          return Promise.resolve();
        },
      }),

    unexpectedErrorProcessingRequest({ requestContext: { contextValue }, error }) {
      const requestId = ownPartOf(contextValue)?.client.requestId;
      logger.error({ requestId, err: forLog(error) }, 'Unexpected error in a request.');
      return Promise.resolve();
    },
  };
}
