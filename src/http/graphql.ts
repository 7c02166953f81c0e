import { setImmediate as turn } from 'node:timers/promises';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { GraphQLError } from 'graphql';
import { createApollo } from '../graphql/apollo';
import type { Documents } from '../graphql/documents';
import { createErrorFormatter, unexpected } from '../graphql/errors';
import { noteCode, outcomeOf } from '../graphql/outcome';
import { statusOf } from '../graphql/status';
import type { Sockets } from '../subscriptions/sockets';
import type { AppOptions } from './app-options';
import { createClientReader } from './client';
import type { Embedded } from './embed';
import { addGraphiql } from './graphiql';
import { transportError } from './transport-errors';

export interface GraphqlOptions extends Pick<
  AppOptions,
  'logger' | 'production' | 'trustProxy' | 'httpStatus'
> {
  readonly auth: Pick<Embedded, 'apolloOptions' | 'apolloPlugin' | 'context' | 'schema'>;
  readonly documents: Documents;
  readonly sockets: Pick<Sockets, 'accept'>;
}

/** Characters above which parsing a document takes noticeable time. */
const LONG_DOCUMENT = 400;

/** Returns the document that Apollo would read from a request. */
function documentIn({ method, body, query }: FastifyRequest): string | undefined {
  const request = (method === 'GET' ? query : body) as Record<string, unknown> | null | undefined;
  const document = request?.query;
  return typeof document === 'string' && document !== '' ? document : undefined;
}

/** Adds the request id to errors that Apollo answers without its plugins: the context or a plugin threw. */
function withRequestId(answer: string, id: string): string {
  const { errors = [], ...rest } = JSON.parse(answer) as { errors?: { extensions?: { code?: unknown } }[] };
  const named = errors.map((error) => {
    const { code } = error.extensions ?? {};
    return code === 'INTERNAL_SERVER_ERROR' ? { ...error, ...unexpected(id) } : error;
  });
  return JSON.stringify({ errors: named, ...rest });
}

/** Adds `/graphql`: queries and mutations over HTTP, subscriptions over WebSocket, and GraphiQL outside production. */
export async function addGraphql(app: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const { auth, documents, sockets } = options;
  const clientOf = createClientReader(options.trustProxy);
  const apollo = createApollo(auth, documents);
  await apollo.start();
  // Runs after the last response. Apollo must not close the app itself: each would wait for the other.
  app.addHook('onClose', () => apollo.stop());
  const formatError = createErrorFormatter(options);

  const refuse = (errors: readonly GraphQLError[], request: FastifyRequest, reply: FastifyReply) => {
    const formatted = errors.map((error) => formatError(error.toJSON(), error));
    noteCode(outcomeOf(request.raw), formatted[0]);
    return reply.code(statusOf(options.httpStatus, formatted, 400)).send({ errors: formatted });
  };

  const answer = fastifyApolloHandler(apollo, { context: auth.context });
  const graphiql = options.production ? undefined : addGraphiql(app);

  const route: Pick<RouteOptions, 'onRequest' | 'preHandler' | 'handler'> = {
    // Apollo's adapter builds a URL from these; if it cannot, the answer would be 500.
    onRequest: async ({ protocol, hostname }, reply) => {
      // Responses contain tokens.
      void reply.header('cache-control', 'no-store');
      if (!URL.canParse(`${protocol}://${hostname}/`)) await reply.code(400).send(transportError(400));
    },
    preHandler: async (request, reply) => {
      if (graphiql?.isWanted(request)) return graphiql.sendPage(reply);
      const document = documentIn(request);
      const read = document === undefined ? undefined : documents.read(document);
      if (read && !('kind' in read)) await refuse(read, request, reply);
      // Costing and running it take time as well, so other requests get a turn first.
      else if (document !== undefined && document.length > LONG_DOCUMENT) await turn();
    },
    handler: async (request, reply) => {
      const text = (await answer.call(app, request, reply)) as unknown;
      return reply.statusCode === 500 && typeof text === 'string' ? withRequestId(text, request.id) : text;
    },
  };
  app.route({
    ...route,
    method: 'GET',
    url: '/graphql',
    wsHandler: (socket, request) => sockets.accept(socket, request.id, clientOf(request)),
  });
  app.route({ ...route, method: 'POST', url: '/graphql' });
}
