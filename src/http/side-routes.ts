import type { FastifyError, FastifyInstance } from 'fastify';
import { unexpected } from '../graphql/errors';
import type { AppOptions } from './app-options';
import { createClientReader } from './client';
import { addGlobalRevocation, GLOBAL_REVOCATION_PATH } from './global-revocation';
import { addHealth } from './health';
import { addJwks } from './jwks';
import { addOAuth } from './oauth';
import { addSecurityHeaders } from './security-headers';
import { transportError } from './transport-errors';
import { addVerify } from './verify';

export type SideRoutesOptions = Pick<
  AppOptions,
  | 'actions'
  | 'corsOrigins'
  | 'guard'
  | 'introspectionSecret'
  | 'issuer'
  | 'keys'
  | 'logger'
  | 'production'
  | 'readiness'
  | 'recordRefusal'
  | 'revocationSecret'
  | 'stopping'
  | 'trustProxy'
>;

const PATHS = ['/.well-known/jwks.json', '/oauth/introspect', '/oauth/revoke', '/healthz', '/readyz'];

/** Returns the paths of the routes beside /graphql. */
export const sidePaths = ({ revocationSecret }: SideRoutesOptions): readonly string[] =>
  revocationSecret === undefined ? PATHS : [...PATHS, GLOBAL_REVOCATION_PATH];

/**
 * Lets pages of allowed origins read the answers. Without preflights, which none of these routes needs: the plugin
 * `@fastify/cors` would answer those of the whole application.
 */
function addCors(scope: FastifyInstance, corsOrigins: readonly string[]): void {
  scope.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers;
    const { cors } = request.routeOptions.config as { cors?: boolean };
    void reply.header('vary', 'Origin');
    if (cors !== false && origin !== undefined && corsOrigins.includes(origin)) {
      void reply.header('access-control-allow-origin', origin);
      void reply.header('access-control-allow-credentials', 'true');
    }
    done();
  });
}

/**
 * Adds the HTTP beside /graphql: the key set, OAuth and health. Changes nothing outside of `scope`, which may be
 * a part of an application. Where that has security headers or CORS, its own apply.
 */
export async function addSideRoutes(scope: FastifyInstance, options: SideRoutesOptions): Promise<void> {
  scope.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  if (!scope.hasReplyDecorator('helmet')) await addSecurityHeaders(scope, options);
  if (!scope.hasRequestDecorator('corsPreflightEnabled')) addCors(scope, options.corsOrigins);
  scope.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return reply.code(status).send(transportError(status));
    options.logger.error({ requestId: request.id, err: error }, 'Unexpected error in a request.');
    return reply.code(500).send({ errors: [unexpected(request.id)] });
  });
  const clientOf = createClientReader(options.trustProxy);
  await addOAuth(scope, { ...options, clientOf });
  const { revocationSecret } = options;
  if (revocationSecret !== undefined)
    await addGlobalRevocation(scope, { ...options, revocationSecret, clientOf });
  addJwks(scope, options.keys);
  addVerify(scope, options);
  addHealth(scope, options.readiness, options.stopping);
}
