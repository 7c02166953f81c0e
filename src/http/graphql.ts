import { setImmediate as turn } from 'node:timers/promises';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import DataLoader from 'dataloader';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { GraphQLError, GraphQLSchema } from 'graphql';
import { originOf } from '../actions/client';
import { createApollo } from '../graphql/apollo';
import type { Context } from '../graphql/context';
import type { Documents } from '../graphql/documents';
import { createErrorFormatter, unexpected } from '../graphql/errors';
import { noteCode } from '../graphql/outcome';
import { authorizationOf } from '../guard/request';
import type { Sockets } from '../subscriptions/sockets';
import type { AppOptions } from './app-options';
import { clientGoneSignal, clientOf } from './client';
import type { IsOwnPage } from './origin';
import { createRefreshCookie } from './refresh-cookie';
import type { RequestLog } from './request-log';
import { transportError } from './transport-errors';

export interface GraphqlOptions extends Pick<
  AppOptions,
  'actions' | 'guard' | 'logger' | 'recordRefusal' | 'issuer' | 'production' | 'operationTimeout'
> {
  readonly schema: GraphQLSchema;
  readonly documents: Documents;
  readonly isOwnPage: IsOwnPage;
  readonly sockets: Pick<Sockets, 'accept'>;
  readonly requestLog: RequestLog;
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

/** Adds `/graphql`: queries and mutations over HTTP, subscriptions over WebSocket. */
export async function addGraphql(app: FastifyInstance, options: GraphqlOptions): Promise<void> {
  const { actions, documents, guard, recordRefusal, sockets, requestLog } = options;
  const apollo = createApollo(options);
  await apollo.start();
  // Runs after the last response. Apollo must not close the app itself: each would wait for the other.
  app.addHook('onClose', () => apollo.stop());
  const formatError = createErrorFormatter(options);
  const refreshCookie = createRefreshCookie(options.issuer, options.isOwnPage);

  const refuse = (errors: readonly GraphQLError[], request: FastifyRequest, reply: FastifyReply) => {
    const formatted = errors.map((error) => formatError(error.toJSON(), error));
    noteCode(requestLog.outcomeOf(request), formatted[0]);
    return reply.code(400).send({ errors: formatted });
  };

  const authenticate = async (request: FastifyRequest) => {
    const auth = await guard.authenticate(authorizationOf(request));
    // Honest clients send expired and revoked tokens every day, but not invalid ones.
    if (!auth.ok && auth.code === 'TOKEN_INVALID')
      recordRefusal({ type: 'ACCESS_TOKEN_REFUSED', ...originOf(clientOf(request)) });
    if (auth.ok) requestLog.outcomeOf(request).userId = auth.principal.userId;
    return auth;
  };

  const context = async (request: FastifyRequest, reply: FastifyReply): Promise<Context> => ({
    auth: await authenticate(request),
    authenticate: () => guard.authenticate(authorizationOf(request)),
    deadline: performance.now() + options.operationTimeout,
    client: { ...clientOf(request), signal: clientGoneSignal(reply) },
    outcome: requestLog.outcomeOf(request),
    refreshCookie: refreshCookie.read(request),
    setRefreshCookie: (token, expiresAt) => refreshCookie.set(request, reply, token, expiresAt),
    clearRefreshCookie: () => refreshCookie.clear(request, reply),
    receipts: [],
    users: new DataLoader((ids) => actions.findUsers(ids)),
    sessions: new DataLoader((users) => actions.listSessions(users), { cache: false }),
  });
  const answer = fastifyApolloHandler(apollo, { context });

  const route: Pick<RouteOptions, 'onRequest' | 'preHandler' | 'handler'> = {
    // Apollo's adapter builds a URL from these; if it cannot, the answer would be 500.
    onRequest: async ({ protocol, hostname }, reply) => {
      // Responses contain tokens.
      void reply.header('cache-control', 'no-store');
      if (!URL.canParse(`${protocol}://${hostname}/`)) await reply.code(400).send(transportError(400));
    },
    preHandler: async (request, reply) => {
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
