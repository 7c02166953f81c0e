import type { Role } from '../core/claims';
import type { AuthResult, Guard } from './guard';
import { refusalOf } from './refusal';
import { authOf, authorizationOf, type RequestWithHeaders } from './request';
import { checkRole } from './require-user';

/** The part of a reply that is used. */
export interface FastifyReplyLike {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: unknown): unknown;
}

/** The part of an application that is used. */
export interface FastifyLike {
  decorateRequest(name: 'auth', value: null): unknown;
  addHook(name: 'onRequest', hook: (request: RequestWithHeaders) => Promise<void>): unknown;
}

export type FastifyGuardPlugin = (app: FastifyLike, options: unknown, done: () => void) => void;

/** What keeps Fastify from giving the plugin a scope of its own, where nobody would see what it decorates. */
const NOT_ENCAPSULATED = { [Symbol.for('skip-override')]: true };
const NAME = { [Symbol.for('fastify.display-name')]: 'tokenfence' };

/**
 * A plugin of Fastify: `app.register(fastifyGuard(guard))`. Puts the `AuthResult` on `request.auth` of every request, before
 * its body is read, and refuses none: `fastifyRequireUser` does. Handlers read it with types by `authOf(request)`.
 */
export function fastifyGuard(guard: Guard): FastifyGuardPlugin {
  const plugin: FastifyGuardPlugin = (app, _options, done) => {
    app.decorateRequest('auth', null);
    app.addHook('onRequest', async (request) => {
      const auth = await guard.authenticate(authorizationOf(request));
      (request as { auth?: AuthResult }).auth = auth;
    });
    done();
  };
  return Object.assign(plugin, NOT_ENCAPSULATED, NAME);
}

/**
 * A hook for routes that need a user: `{ preHandler: fastifyRequireUser('ADMIN') }`, or as `onRequest`, to refuse before the
 * body is read. Answers 401, 403 or 503 with `{ error: { code, reason?, message } }`.
 *
 * Throws a `TypeError`, when it is made, for what is no role.
 */
export function fastifyRequireUser(...roles: [role?: Role]) {
  if (roles.length > 0) checkRole(roles[0]);
  return async (request: object, reply: FastifyReplyLike): Promise<void> => {
    const refusal = refusalOf(authOf(request), ...roles);
    if (!refusal) return;
    reply.code(refusal.status);
    reply.headers(refusal.headers);
    await reply.send(refusal.body);
  };
}
