import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { Context } from './context';
import { type Documents, type DocumentsOptions, MOST_ERRORS, MOST_TOKENS } from './documents';
import { createErrorFormatter } from './errors';
import { createRequestPlugin, type RequestPluginOptions } from './request-plugin';

/** What Apollo is made with. `production` also turns off its landing page. */
export interface ApolloOptions extends DocumentsOptions, Omit<RequestPluginOptions, 'requestIds'> {
  /** Documents that are parsed and validated before Apollo gets the request. */
  readonly documents: Pick<Documents, 'store'>;
}

export function createApollo(options: ApolloOptions): ApolloServer<Context> {
  const { schema, logger, production, documents } = options;
  const requestIds = new WeakMap<object, string | undefined>();
  const formatError = createErrorFormatter(options);
  return new ApolloServer<Context>({
    schema,
    introspection: !production,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    csrfPrevention: true,
    documentStore: documents.store,
    parseOptions: { maxTokens: MOST_TOKENS },
    validationOptions: { maxErrors: MOST_ERRORS },
    executionOptions: { maxCoercionErrors: MOST_ERRORS },
    hideSchemaDetailsFromClientErrors: production,
    formatError: (formatted, error) => formatError(formatted, error, requestIds.get(error as object)),
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
      createRequestPlugin({ ...options, requestIds }),
      production ? ApolloServerPluginLandingPageDisabled() : ApolloServerPluginLandingPageLocalDefault(),
    ],
  });
}
