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
import { unexpected } from '../graphql/errors';
import { createSchema } from '../graphql/schema';
import type { Guard } from '../guard/guard';
import type { Announcements } from '../revocation/announcements';
import { SOCKET_LIMITS, type SocketLimits } from '../sockets/limits';
import { createPlaces } from '../sockets/places';
import { createSockets, type SocketObserver } from '../sockets/sockets';
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
  /** What stands at /metrics; nothing does if left out. */
  readonly exposeMetrics?: ExposeMetrics;
  /** Aborted when the process has been told to stop, and will soon close the app. */
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
  /** ms that an operation may take. */
  readonly operationTimeout: number;
  readonly introspectionSecret?: string;
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** ms */
  readonly clockSkew: number;
  readonly socketObserver?: SocketObserver;
  /** Whether the attempts and the sockets of an address have limits. */
  readonly rateLimit: boolean;
  readonly socketLimits?: Partial<SocketLimits>;
  /** ms that a request may take to arrive; `REQUEST_TIMEOUT` if left out. */
  readonly requestTimeout?: number;
}

/** Fastify, set up so that every request has an end, and every answer the form of the API. */
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
      // Checked below.
      requireHostHeader: false,
    },
    trustProxy: createProxyTrust(trustProxy),
    bodyLimit: BODY_LIMIT,
    // Its 503 has another form than all answers here. What arrives while the app is closed is answered.
    return503OnClosing: false,
    // A client's own id could hold anything, and repeat another's.
    genReqId: () => randomUUID(),
    logController: requestLog,
    requestIdHeader: false,
    clientErrorHandler: createUnreadableHandler(owed),
    // An address that cannot be decoded: no route, and so no error handler, gets to see it.
    frameworkErrors: ({ statusCode = 400 }: FastifyError, _request: FastifyRequest, reply: FastifyReply) =>
      void reply.code(statusCode).send(transportError(statusCode)),
  });
}

/** The whole HTTP side, not yet listening. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { actions, keys, readiness, logger, issuer, corsOrigins } = options;
  const owed = createOwedAnswers();
  const requestLog = new RequestLog(options);
  const app = createServer(options, owed, requestLog);
  serveOneAtATime(app.server);
  // JSON is all that is read here. Fastify would take plain text as well, and Apollo then misname the fault.
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
    // Its refusal would be plain text, for a request that can do no harm.
    strictPreflight: false,
  });

  const schema = createSchema(actions);
  const isOwnPage = createOriginCheck({ issuer, origins: corsOrigins });
  const { socketLimits, rateLimit } = options;
  const sockets = createSockets({
    ...options,
    schema,
    observer: options.socketObserver,
    limits: socketLimits,
  });
  const places = createPlaces({
    ...SOCKET_LIMITS,
    ...socketLimits,
    ...(!rateLimit && { ofNetwork: Infinity, ofSite: Infinity }),
  });
  await addUpgrades(app, { ...options, sockets, places, owed, isOwnPage, isClosing });
  await addGraphql(app, { ...options, schema, sockets, isOwnPage, requestLog });
  await addOAuth(app, options);
  addJwks(app, keys);
  addHealth(app, readiness, options.stopping);
  if (options.exposeMetrics) addMetrics(app, options.exposeMetrics);
  return app;
}
