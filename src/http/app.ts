import { randomUUID } from 'node:crypto';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import DataLoader from 'dataloader';
import fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance } from 'fastify';
import type { Actions } from '../actions/actions';
import type { PublishedKeys } from '../core/ports/tokens';
import { createApollo, type RequestContext } from '../graphql/apollo';
import { createSchema } from '../graphql/schema';
import type { Guard } from '../guard/guard';
import { addHealth, type Readiness } from './health';
import { addJwks } from './jwks';
import { createRefreshCookie } from './refresh-cookie';

export interface AppOptions {
  readonly actions: Actions;
  readonly guard: Guard;
  readonly keys: PublishedKeys;
  readonly readiness: () => Promise<Readiness>;
  readonly logger: FastifyBaseLogger;
  readonly issuer: string;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: boolean | string;
  readonly production: boolean;
}

/** Bytes of a request's body. The longest honest one is a few KiB. */
const BODY_LIMIT = 128 * 1024;

/** Characters of a user agent that are kept. */
const LONGEST_USER_AGENT = 400;

/** What a client is told of a request that never reached GraphQL, by the status that Fastify gave it. */
const TRANSPORT_FAULTS: Record<number, string> = {
  400: 'The request is malformed. Send a JSON object with a "query".',
  404: 'There is nothing here. The API is at /graphql.',
  413: `The request is too large. At most ${BODY_LIMIT / 1024} KiB are read.`,
  414: 'The address is too long.',
  415: 'Send the request as "Content-Type: application/json".',
};

const transportError = (status: number) => ({
  errors: [
    {
      message: TRANSPORT_FAULTS[status] ?? TRANSPORT_FAULTS[400],
      extensions: { code: status === 404 ? 'NOT_FOUND' : 'BAD_REQUEST' },
    },
  ],
});

/** The whole HTTP side, not yet listening. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { actions, guard, keys, readiness, logger, issuer, corsOrigins } = options;
  const app = fastify({
    loggerInstance: logger,
    trustProxy: options.trustProxy,
    bodyLimit: BODY_LIMIT,
    // A client's own id could hold anything, and repeat another's.
    genReqId: () => randomUUID(),
    requestIdHeader: false,
  });
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    done();
  });
  // Without this, a client that keeps its connection alive keeps a stopping process alive as well.
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    done();
  });
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(transportError(status));
    request.log.error({ err: error }, 'A request met an unexpected fault.');
    return reply.code(500).send({
      errors: [
        {
          message: 'Something unexpected went wrong. Tell the operators the request id.',
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: request.id },
        },
      ],
    });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(transportError(404)));
  await app.register(cookie);
  await app.register(cors, {
    origin: [...corsOrigins],
    credentials: true,
    methods: ['GET', 'POST'],
    maxAge: 600,
  });

  const apollo = createApollo({ schema: createSchema(actions), logger, production: options.production });
  await apollo.start();
  // Runs when the last request has been answered. Apollo must not close the app in its turn: each would wait for the other.
  app.addHook('onClose', () => apollo.stop());

  const refreshCookie = createRefreshCookie({ issuer, origins: corsOrigins });
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    handler: fastifyApolloHandler(apollo, {
      context: async (request, reply): Promise<RequestContext> => ({
        requestId: request.id,
        auth: await guard.authenticate(request.headers.authorization),
        client: {
          ipAddress: request.ip,
          userAgent: request.headers['user-agent']?.slice(0, LONGEST_USER_AGENT),
        },
        refreshCookie: refreshCookie.read(request),
        setRefreshCookie: (token, expiresAt) => refreshCookie.set(request, reply, token, expiresAt),
        clearRefreshCookie: () => refreshCookie.clear(request, reply),
        receipts: [],
        sessions: new DataLoader((userIds) => actions.listSessions(userIds)),
      }),
    }),
  });
  addJwks(app, keys);
  addHealth(app, readiness);
  return app;
}
