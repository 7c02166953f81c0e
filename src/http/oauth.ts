import type { FastifyInstance, FastifyRequest } from 'fastify';
import { originOf } from '../actions/client';
import type { AppOptions } from './app-options';
import type { ReadClient } from './client';
import { createFaultHandler, fault, malformed, type Sentences } from './oauth-faults';
import { createSecretCheck, secretFault } from './secret-check';

const FORM = 'application/x-www-form-urlencoded';

/** Bytes of a form: twice the longest token that is accepted. */
const LONGEST_FORM = 16 * 1024;

const SENTENCES: Sentences = {
  400: 'Send a form with exactly one "token", and no duplicate fields.',
  401: 'Send "Authorization: Bearer <INTROSPECTION_SECRET>".',
  413: `The form is too large. The limit is ${LONGEST_FORM / 1024} KiB.`,
  415: `Send a form as "Content-Type: ${FORM}".`,
};

/** Parses the body. The query string is never read: a token there would end up in the logs of proxies. */
function readForm(body: string): URLSearchParams {
  const form = new URLSearchParams(body);
  // RFC 6749, section 3.2. Of two values, a proxy may have checked the other one.
  if (new Set(form.keys()).size < form.size) throw malformed();
  return form;
}

/** Returns the token. An empty one counts as omitted (RFC 6749, section 3.2). `token_type_hint` is not needed. */
function tokenIn({ body }: FastifyRequest): string {
  const token = body instanceof URLSearchParams ? body.get('token') : null;
  if (!token) throw malformed();
  return token;
}

/**
 * Adds `/oauth/introspect` (RFC 7662) and `/oauth/revoke` (RFC 7009).
 *
 * Introspection needs a secret that services share: it reveals the user of a token, and has no rate limit. Revocation
 * needs only a token, as a logout does. Clients are public (RFC 6749, section 2.1), so a secret would protect nothing.
 */
export async function addOAuth(
  app: FastifyInstance,
  {
    actions,
    introspectionSecret,
    recordRefusal,
    logger,
    clientOf,
  }: Pick<AppOptions, 'actions' | 'introspectionSecret' | 'recordRefusal' | 'logger'> & {
    readonly clientOf: ReadClient;
  },
): Promise<void> {
  // A separate scope: only these routes read forms, and they read nothing else.
  await app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser<string>(
      FORM,
      { parseAs: 'string', bodyLimit: LONGEST_FORM },
      (_request, body, parsed) => {
        try {
          parsed(null, readForm(body));
        } catch (error) {
          parsed(error as Error);
        }
      },
    );
    scope.setErrorHandler(createFaultHandler(logger, SENTENCES));
    scope.addHook('onRequest', (_request, reply, next) => {
      void reply.header('cache-control', 'no-store');
      next();
    });

    if (introspectionSecret !== undefined) {
      const isAuthorized = createSecretCheck(introspectionSecret);
      scope.post('/oauth/introspect', {
        // No page may hold the secret.
        config: { cors: false },
        // Before the body is read.
        onRequest: async (request, reply) => {
          const { authorization } = request.headers;
          if (isAuthorized(authorization)) return;
          const reason = secretFault(authorization);
          recordRefusal({ type: 'INTROSPECTION_REFUSED', reason, ...originOf(clientOf(request)) });
          await reply
            .code(401)
            .header('www-authenticate', 'Bearer')
            .send(fault('invalid_client', SENTENCES[401]));
        },
        handler: (request) => actions.introspect(tokenIn(request)),
      });
    }

    scope.post('/oauth/revoke', async (request, reply) => {
      const receipt = await actions.revokeToken(tokenIn(request), clientOf(request));
      // Clients ignore the body of a 200 (RFC 7009, section 2.2). It holds the receipt for those that do not.
      if (!receipt) return reply.send();
      const { confirmation } = receipt;
      return {
        confirmed: confirmation.confirmed,
        ...(!confirmation.confirmed && { unconfirmedReason: confirmation.reason }),
      };
    });
    done();
  });
}
