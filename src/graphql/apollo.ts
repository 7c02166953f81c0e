import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { Context } from './context';
import { createDenialPlugin } from './denials';
import { createAnswerPlugin, createErrorFormatter } from './errors';
import { httpRules } from './http-rules';
import { costLimit, MOST_TOKENS } from './limits';
import { toLogoutReceipt } from './logout-receipt.type';

export interface RequestContext extends Context {
  readonly requestId: string;
}

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly logger: Logger;
  readonly recordRefusal: RecordRefusal;
  /** Turns introspection of the schema and the landing page off. */
  readonly production: boolean;
}

/** Apollo Server with the limits and the error format of this project, on whatever transport. */
export function createApollo(options: ApolloOptions): ApolloServer<RequestContext> {
  const { schema, logger, recordRefusal, production } = options;
  return new ApolloServer<RequestContext>({
    schema,
    introspection: !production,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    csrfPrevention: true,
    parseOptions: { maxTokens: MOST_TOKENS },
    formatError: createErrorFormatter(logger),
    // The composition root handles signals: it has more to stop than this.
    stopOnTerminationSignals: false,
    logger: {
      debug: (message: string) => logger.debug({}, message),
      info: (message: string) => logger.debug({}, message),
      warn: (message: string) => logger.warn({}, message),
      error: (message: string) => logger.error({}, message),
    },
    plugins: [
      httpRules,
      costLimit,
      createDenialPlugin(recordRefusal),
      createAnswerPlugin<RequestContext>(({ requestId }) => requestId, toLogoutReceipt),
      production ? ApolloServerPluginLandingPageDisabled() : ApolloServerPluginLandingPageLocalDefault(),
    ],
  });
}
