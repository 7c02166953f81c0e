import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { Context } from './context';
import { createDenialPlugin } from './denials';
import { createAnswerPlugin, createErrorFormatter, forLog } from './errors';
import { httpRules } from './http-rules';
import { type Documents, MOST_ERRORS, MOST_TOKENS } from './documents';
import { costLimit } from './query-limits';
import { type Outcome, outcomePlugin } from './outcome';
import { toLogoutReceipt } from './logout-receipt.type';

export interface RequestContext extends Context {
  readonly outcome: Outcome;
  readonly requestId: string;
}

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly recordRefusal: RecordRefusal;
  /** Disables introspection and the landing page, and keeps names of the schema out of error messages. */
  readonly production: boolean;
  /** Documents that are parsed and validated before Apollo gets the request. */
  readonly documents: Documents['store'];
}

export function createApollo(options: ApolloOptions): ApolloServer<RequestContext> {
  const { schema, logger, recordRefusal, production, documents } = options;
  // Apollo's formatter does not get the request of an error.
  const ids = new WeakMap<object, string>();
  const requestIds: ApolloServerPlugin<RequestContext> = {
    requestDidStart: () =>
      Promise.resolve({
        didEncounterErrors({ errors, contextValue: { requestId } }) {
          for (const error of errors) ids.set(error, requestId);
          return Promise.resolve();
        },
      }),
  };
  return new ApolloServer<RequestContext>({
    schema,
    introspection: !production,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    csrfPrevention: true,
    documentStore: documents,
    parseOptions: { maxTokens: MOST_TOKENS },
    validationOptions: { maxErrors: MOST_ERRORS },
    executionOptions: { maxCoercionErrors: MOST_ERRORS },
    hideSchemaDetailsFromClientErrors: production,
    formatError: createErrorFormatter({ logger, production, requestIdOf: (error) => ids.get(error) }),
    // The composition root handles signals.
    stopOnTerminationSignals: false,
    logger: {
      debug: (message: string) => logger.debug({}, message),
      info: (message: string) => logger.debug({}, message),
      warn: (message: string) => logger.warn({}, message),
      // After the colon may follow a client's document, which may contain a password.
      error: (message: string) => logger.error({}, `Apollo: ${message.split(':', 1)[0] ?? ''}.`),
    },
    plugins: [
      // It visits every field of every response, and none may be cached.
      ApolloServerPluginCacheControlDisabled(),
      httpRules,
      costLimit,
      requestIds,
      createDenialPlugin(recordRefusal),
      outcomePlugin,
      createAnswerPlugin<RequestContext>(({ requestId }) => requestId, toLogoutReceipt),
      {
        unexpectedErrorProcessingRequest: ({ requestContext, error }) => {
          const { requestId } = requestContext.contextValue;
          logger.error({ requestId, err: forLog(error) }, 'Unexpected error in a request.');
          return Promise.resolve();
        },
      },
      production ? ApolloServerPluginLandingPageDisabled() : ApolloServerPluginLandingPageLocalDefault(),
    ],
  });
}
