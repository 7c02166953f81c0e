import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { createVerify } from '../verify/answer';
import { isVerifyUrl, VERIFY_ROUTES } from '../verify/needs';
import { createResponder } from '../verify/respond';
import type { AppOptions } from './app-options';

export type VerifyOptions = Pick<AppOptions, 'guard' | 'logger'>;

/** Answers a request if it asks for a check. Returns whether it does. */
export type VerifyHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/** @param isClosing whether an answer closes its connection */
export function createVerifyHandler(
  { guard, logger }: VerifyOptions,
  isClosing?: () => boolean,
): VerifyHandler {
  const respond = createResponder({ verify: createVerify(guard), logger, isClosing });
  return (request, response) => {
    if (!isVerifyUrl(request.url ?? '')) return false;
    respond(request, response);
    return true;
  };
}

/**
 * Answers checks before Fastify sees them: its hooks would take longer than a check. They are not logged, because there
 * is one for each request to the services behind.
 */
export function serveChecks(server: Server, handle: VerifyHandler): void {
  const listeners = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (handle(request, response)) return;
    for (const each of listeners) each.call(server, request, response);
  });
}

/** Adds `/verify` to an application, unless it has a route there. */
export function addVerify(scope: FastifyInstance, { guard, logger }: VerifyOptions): void {
  const respond = createResponder({ verify: createVerify(guard), logger });
  const { prefix } = scope;
  for (const url of VERIFY_ROUTES) {
    if (scope.hasRoute({ method: 'GET', url: `${prefix}${url}` })) continue;
    scope.all(url, {
      // Before the body is read.
      onRequest: (request, reply, done) => {
        const { url: target = '' } = request.raw;
        const asked = target.startsWith(prefix) ? target.slice(prefix.length) : '';
        // Fastify decodes a path before it looks for the route. Only the exact path is a check.
        if (!isVerifyUrl(asked)) {
          done();
          return;
        }
        reply.hijack();
        respond(request.raw, reply.raw, asked);
      },
      handler: (_request, reply) => reply.callNotFound(),
    });
  }
}
