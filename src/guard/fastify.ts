import type { Shape } from '../core/shape';
import type { AuthResult, Guard } from './guard';
import { refusalOf } from './refusal';
import { authOf, authorizationOf, type RequestWithHeaders } from './request';
import { readRequirement, type Requirements } from './require-user';

/** The part of a Fastify reply that the guard uses. */
export interface FastifyReplyLike {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: unknown): unknown;
}

/** The part of a Fastify instance that the guard uses. */
export interface FastifyLike {
  decorateRequest(name: 'auth', value: null): unknown;
  addHook(name: 'onRequest', hook: (request: RequestWithHeaders) => Promise<void>): unknown;
}

export type FastifyGuardPlugin = (app: FastifyLike, options: unknown, done: () => void) => void;

/** Keeps Fastify from encapsulating the plugin: its decorator must reach all routes. */
const NOT_ENCAPSULATED = { [Symbol.for('skip-override')]: true };
const NAME = { [Symbol.for('fastify.display-name')]: 'tokenfence' };

/**
 * Creates a Fastify plugin that sets `request.auth` before the body is read; read it with `authOf(request)`. It refuses
 * no request: `fastifyRequireUser` does.
 *
 * @example
 * await app.register(fastifyGuard(guard));
 */
export function fastifyGuard<S extends Shape>(guard: Guard<S>): FastifyGuardPlugin {
  const plugin: FastifyGuardPlugin = (app, _options, done) => {
    app.decorateRequest('auth', null);
    app.addHook('onRequest', async (request) => {
      const auth = await guard.authenticate(authorizationOf(request));
      (request as { auth?: AuthResult<S> }).auth = auth;
    });
    done();
  };
  return Object.assign(plugin, NOT_ENCAPSULATED, NAME);
}

/**
 * Creates a hook for routes that need a user, as `preHandler`, or as `onRequest` to refuse before the body is read. It
 * answers 401, 403 or 503 with `{ error: { code, reason?, message } }` and a challenge (RFC 6750, section 3).
 *
 * @param requirements at most one: a role, or `{ role, maxAge }`, in s since the user signed in or confirmed the password
 * @throws TypeError for an invalid requirement, at once
 * @example
 * app.get('/secrets', { onRequest: fastifyRequireUser('ADMIN') }, handler);
 */
export function fastifyRequireUser<S extends Shape = Shape>(...requirements: Requirements<S>) {
  if (requirements.length > 0) readRequirement(requirements[0]);
  return async (request: object, reply: FastifyReplyLike): Promise<void> => {
    const refusal = refusalOf(authOf<S>(request), ...requirements);
    if (!refusal) return;
    reply.code(refusal.status);
    reply.headers(refusal.headers);
    await reply.send(refusal.body);
  };
}
