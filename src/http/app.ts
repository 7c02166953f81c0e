import { randomUUID } from 'node:crypto';
import cookie from '@fastify/cookie';
import cors from '@fastify/cors';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Actions } from '../actions/actions';
import type { Clock } from '../core/clock';
import type { Metrics } from '../core/ports/metrics';
import type { RecordRefusal } from '../core/ports/refusals';
import type { PublishedKeys } from '../core/ports/tokens';
import { createDocuments } from '../graphql/documents';
import { unexpected } from '../graphql/errors';
import { createSchema } from '../graphql/schema';
import type { Guard } from '../guard/guard';
import type { Announcements } from '../revocation/announcements';
import { SOCKET_LIMITS, type SocketLimits } from '../subscriptions/socket-limits';
import { createPlaces } from '../subscriptions/places';
import { createSockets, type SocketObserver } from '../subscriptions/sockets';
import { createProxyTrust } from './client-address';
import { addGraphql } from './graphql';
import { addHealth, type Readiness } from './health';
import { addJwks } from './jwks';
import { addMetrics, type ExposeMetrics } from './metrics';
import { addOAuth } from './oauth';
import { serveOneAtATime } from './one-at-a-time';
import { createOriginCheck } from './origin';
import { createOwedAnswers, type OwedAnswers } from './owed-answers';
import { RequestLog } from './request-log';
import { addHostCheck, addProxyWarning } from './request-checks';
import { arrivingWithin, REQUEST_TIMEOUT } from './request-timeout';
import { addSecurityHeaders } from './security-headers';
import { addStopping } from './stopping';
import { BODY_LIMIT, createUnreadableHandler, transportError } from './transport-errors';
import { addUpgrades } from './upgrades';

export interface AppOptions {
  readonly actions: Actions;
  readonly guard: Guard;
  readonly keys: PublishedKeys;
  readonly readiness: () => Promise<Readiness>;
  /** Serves /metrics on this port. Omitted: not served here. */
  readonly exposeMetrics?: ExposeMetrics;
  /** Aborted when the process is told to stop, shortly before the app closes. */
  readonly stopping: AbortSignal;
  readonly logger: FastifyBaseLogger;
  readonly recordRefusal: RecordRefusal;
  readonly metrics: Pick<Metrics, 'answered'>;
  /** See `RequestLogOptions`. */
  readonly logRequests: number | 'off';
  readonly issuer: string;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: number | string[] | false;
  readonly production: boolean;
  /** ms that a GraphQL operation may take. */
  readonly operationTimeout: number;
  readonly introspectionSecret?: string;
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** ms */
  readonly clockSkew: number;
  readonly socketObserver?: SocketObserver;
  /** Whether attempts and sockets are limited per address. */
  readonly rateLimit: boolean;
  readonly socketLimits?: Partial<SocketLimits>;
  /** ms that a request may take to arrive. Default: `REQUEST_TIMEOUT`. */
  readonly requestTimeout?: number;
}

/** Creates the Fastify instance: every request has a timeout, and every response the API's form. */
function createServer(options: AppOptions, owed: OwedAnswers, requestLog: RequestLog): FastifyInstance {
  const { logger, trustProxy, requestTimeout = REQUEST_TIMEOUT } = options;
  const arrival = arrivingWithin(requestTimeout);
  return fastify({
    loggerInstance: logger,
    // A request that never ends would keep a stopping process waiting.
    requestTimeout: arrival.requestTimeout,
    http: {
      ...arrival.http,
      ServerResponse: owed.ServerResponse,
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
    clientErrorHandler: createUnreadableHandler(owed),
    // For a URL that cannot be decoded: it reaches no route, so no error handler.
    frameworkErrors: ({ statusCode = 400 }: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      void reply.code(statusCode).send(transportError(statusCode)),
  });
}

/** Creates the HTTP server, not yet listening. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { actions, keys, readiness, logger, issuer, corsOrigins } = options;
  const owed = createOwedAnswers();
  const requestLog = new RequestLog(options);
  const app = createServer(options, owed, requestLog);
  serveOneAtATime(app.server);
  // Only JSON is read. Fastify would accept plain text too, and Apollo would then report the wrong error.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  await addSecurityHeaders(app, options);
  addHostCheck(app);
  addProxyWarning(app, logger);
  const isClosing = addStopping(app, owed);
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(transportError(status));
    request.log.error({ err: error }, 'Unexpected error in a request.');
    return reply.code(500).send({ errors: [unexpected(request.id)] });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(transportError(404)));
  await app.register(cookie);
  await app.register(cors, {
    origin: [...corsOrigins],
    credentials: true,
    methods: ['GET', 'POST'],
    maxAge: 600,
    // The strict refusal is plain text, for a harmless request.
    strictPreflight: false,
  });

  const schema = createSchema(actions);
  const documents = createDocuments({ schema, production: options.production });
  const isOwnPage = createOriginCheck({ issuer, origins: corsOrigins });
  const { socketLimits, rateLimit } = options;
  const sockets = createSockets({
    ...options,
    schema,
    documents,
    observer: options.socketObserver,
    limits: socketLimits,
  });
  const places = createPlaces({
    ...SOCKET_LIMITS,
    ...socketLimits,
    ...(!rateLimit && { ofAddress: Infinity, ofSite: Infinity }),
  });
  await addUpgrades(app, { ...options, sockets, places, owed, isOwnPage, isClosing });
  await addGraphql(app, { ...options, schema, documents, sockets, isOwnPage, requestLog });
  await addOAuth(app, options);
  addJwks(app, keys);
  addHealth(app, readiness, options.stopping);
  if (options.exposeMetrics) addMetrics(app, options.exposeMetrics);
  return app;
}
