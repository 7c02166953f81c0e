import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { createDocuments } from '../graphql/documents';
import { unexpected } from '../graphql/errors';
import { SOCKET_LIMITS } from '../subscriptions/socket-limits';
import { createPlaces } from '../subscriptions/places';
import { createSockets } from '../subscriptions/sockets';
import type { AppOptions } from './app-options';
import { createProxyTrust } from './client-address';
import type { Embedded } from './embed';
import { addFollowHint } from './follow';
import { addGraphql } from './graphql';
import { addMetrics } from './metrics';
import { createOriginCheck } from './origin';
import { createPipelines, type Pipelines } from './pipelines';
import { RequestLog } from './request-log';
import { addHostCheck, addProxyWarning } from './request-checks';
import { arrivingWithin } from './request-timeout';
import { addSecurityHeaders } from './security-headers';
import { addStopping } from './stopping';
import { BODY_LIMIT, createUnreadableHandler, transportError } from './transport-errors';
import { addUpgrades } from './upgrades';
import { createVerifyHandler, serveChecks } from './verify';

/** Creates the Fastify instance: every request has a timeout, and every response the API's form. */
function createServer(options: AppOptions, pipelines: Pipelines, requestLog: RequestLog): FastifyInstance {
  const { logger, trustProxy } = options;
  const arrival = arrivingWithin(options.requestTimeout);
  return fastify({
    // Fastify needs more of it than we do.
    loggerInstance: logger as FastifyBaseLogger,
    // A request that never ends would keep a stopping process waiting.
    requestTimeout: arrival.requestTimeout,
    http: {
      ...arrival.http,
      // `addHostCheck` does it, with the API's error form.
      requireHostHeader: false,
    },
    trustProxy: createProxyTrust(trustProxy),
    bodyLimit: BODY_LIMIT,
    // Fastify's 503 has another form. Requests that arrive while the app closes are served.
    return503OnClosing: false,
    // A client's own id could contain anything, or repeat another id.
    genReqId: () => randomUUID(),
    logController: requestLog,
    requestIdHeader: false,
    clientErrorHandler: createUnreadableHandler(pipelines),
    // For a URL that cannot be decoded: it reaches no route, so no error handler.
    frameworkErrors: ({ statusCode = 400 }: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      void reply.code(statusCode).send(transportError(statusCode)),
  });
}

/** What our own server has, beside what every server gets in `auth`. */
export interface OwnAppOptions extends AppOptions {
  readonly auth: Embedded;
}

/** Creates the HTTP server, not yet listening. */
export async function createApp(options: OwnAppOptions): Promise<FastifyInstance> {
  const { auth, logger, corsOrigins } = options;
  const pipelines = createPipelines();
  const requestLog = new RequestLog(options);
  const app = createServer(options, pipelines, requestLog);
  serveChecks(
    app.server,
    createVerifyHandler(options, () => isClosing()),
  );
  pipelines.serve(app.server);
  // Only JSON is read. Fastify would accept plain text too, and Apollo would then report the wrong error.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  await addSecurityHeaders(app, options);
  addHostCheck(app);
  addProxyWarning(app, logger);
  const isClosing = addStopping(app, pipelines);
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(transportError(status));
    request.log.error({ err: error }, 'Unexpected error in a request.');
    return reply.code(500).send({ errors: [unexpected(request.id)] });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(transportError(404)));
  await app.register(cors, {
    origin: [...corsOrigins],
    credentials: true,
    methods: ['GET', 'POST'],
    maxAge: 600,
    // The strict refusal is plain text, for a harmless request.
    strictPreflight: false,
  });

  const { schema } = auth;
  const documents = createDocuments({ schema, production: options.production });
  const isOwnPage = createOriginCheck(options);
  const { socketLimits, rateLimit } = options;
  const sockets = createSockets({
    ...options,
    schema,
    documents,
    limits: socketLimits,
  });
  const places = createPlaces({
    ...SOCKET_LIMITS,
    ...socketLimits,
    ...(!rateLimit && { ofAddress: Infinity, ofSite: Infinity }),
  });
  const follow = auth.upgrade;
  await addUpgrades(app, { ...options, sockets, places, pipelines, isOwnPage, isClosing, follow });
  if (options.introspectionSecret !== undefined) addFollowHint(app);
  // While requests are still served: a follower may need one to move.
  app.addHook('preClose', () => options.door.stop());
  await addGraphql(app, { ...options, documents, sockets });
  await app.register(auth.fastify);
  if (options.exposeMetrics) addMetrics(app, options.exposeMetrics);
  return app;
}
