import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import type { ApolloBounds } from './apollo-bounds';
import { type Documents, MOST_ERRORS, MOST_TOKENS } from './documents';
import { createErrorFormatter, type FormatOptions } from './errors';
import type { AddedContext } from './own-context';

/**
 * Makes the options by which Apollo bounds a request, masks unexpected errors, and keeps values out of messages.
 *
 * @param requestIds where the plugin notes which request an error belongs to
 */
export function createApolloBounds(
  options: FormatOptions & { readonly requestIds: WeakMap<object, string | undefined> },
): ApolloBounds {
  const { logger, production, requestIds } = options;
  const formatError = createErrorFormatter(options);
  return {
    introspection: !production,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    csrfPrevention: true,
    parseOptions: { maxTokens: MOST_TOKENS },
    validationOptions: { maxErrors: MOST_ERRORS },
    executionOptions: { maxCoercionErrors: MOST_ERRORS },
    hideSchemaDetailsFromClientErrors: production,
    formatError: (formatted, error) => formatError(formatted, error, requestIds.get(error as object)),
    // The process that starts the server handles signals.
    stopOnTerminationSignals: false,
    logger: {
      debug: (message: string) => logger.debug({}, message),
      info: (message: string) => logger.debug({}, message),
      warn: (message: string) => logger.warn({}, message),
      // After the colon may follow a client's document, which may contain a password.
      error: (message: string) => logger.error({}, `Apollo: ${message.split(':', 1)[0] ?? ''}.`),
    },
  };
}

/** What our own server gives Apollo. */
export interface ApolloParts {
  readonly schema: GraphQLSchema;
  readonly apolloOptions: ApolloBounds;
  readonly apolloPlugin: ApolloServerPlugin<Partial<AddedContext>>;
}

/** @param documents that are parsed and validated before Apollo gets the request */
export const createApollo = (
  { schema, apolloOptions, apolloPlugin }: ApolloParts,
  documents: Pick<Documents, 'store'>,
): ApolloServer<Partial<AddedContext>> =>
  new ApolloServer<Partial<AddedContext>>({
    ...apolloOptions,
    schema,
    documentStore: documents.store,
    plugins: [
      // It visits every field of every response, and none may be cached.
      ApolloServerPluginCacheControlDisabled(),
      apolloPlugin,
      // It needs the internet. The HTTP server has GraphiQL instead.
      ApolloServerPluginLandingPageDisabled(),
    ],
  });
