import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Actions } from '../actions/actions';
import { originOf } from '../actions/client';
import { TokenfenceError } from '../core/errors';
import type { RecordRefusal } from '../core/ports/refusals';
import { clientOf } from './client';

export interface OAuthOptions {
  readonly actions: Pick<Actions, 'introspect' | 'revokeToken'>;
  /** What services that introspect present. Without it there is no introspection. */
  readonly introspectionSecret?: string;
  readonly recordRefusal: RecordRefusal;
}

const FORM = 'application/x-www-form-urlencoded';

/** Bytes of a form: twice the longest token that is looked at. */
const LONGEST_FORM = 16 * 1024;

const SENTENCES: Record<number, string> = {
  400: 'Send a form with one "token", and no field twice.',
  401: 'Send "Authorization: Bearer <INTROSPECTION_SECRET>".',
  413: `The form is too large. At most ${LONGEST_FORM / 1024} KiB are read.`,
  415: `Send a form as "Content-Type: ${FORM}".`,
};

/** A fault in the form of RFC 6749, section 5.2, as both RFCs want it. */
const fault = (error: string, description: string | undefined) => ({ error, error_description: description });

const malformed = () => Object.assign(new Error('This is no such form.'), { statusCode: 400 });

/** The body as it was sent. The address is never looked at: what stands there is in the logs of every proxy. */
function readForm(body: string): URLSearchParams {
  const form = new URLSearchParams(body);
  // RFC 6749, section 3.2. Which of two a proxy has looked at could not be told.
  if (new Set(form.keys()).size < form.size) throw malformed();
  return form;
}

/** An empty one counts as left out (RFC 6749, section 3.2). `token_type_hint` is not needed: the forms differ. */
function tokenIn({ body }: FastifyRequest): string {
  const token = body instanceof URLSearchParams ? body.get('token') : null;
  if (!token) throw malformed();
  return token;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Takes the same time for every wrong secret: digests have one length, and how they are compared shows nothing. */
function createSecretCheck(secret: string): (authorization: string | undefined) => boolean {
  const expected = digest(secret);
  return (authorization = '') => {
    const presented = /^Bearer +(.+)$/i.exec(authorization)?.[1];
    return presented !== undefined && timingSafeEqual(digest(presented), expected);
  };
}

function answerFault(error: FastifyError | TokenfenceError, request: FastifyRequest, reply: FastifyReply) {
  if (error instanceof TokenfenceError && error.details.retryAfter !== undefined) {
    return reply
      .code(error.status)
      .header('retry-after', error.details.retryAfter)
      .send(fault('temporarily_unavailable', error.message));
  }
  const status = error instanceof TokenfenceError ? 500 : (error.statusCode ?? 500);
  if (status < 500)
    return reply.code(status).send(fault('invalid_request', SENTENCES[status] ?? SENTENCES[400]));
  request.log.error({ err: error }, 'A request met an unexpected fault.');
  return reply
    .code(500)
    .send(fault('server_error', `Something unexpected went wrong. Tell the operators the id ${request.id}.`));
}

/**
 * `/oauth/introspect` (RFC 7662), for other services, which share a secret: whoever may ask is told whose a token is, and
 * may try tokens as fast as they like.
 *
 * `/oauth/revoke` (RFC 7009), for whoever holds a token, which is all that a logout takes as well. The RFC has public
 * clients identify themselves by no more than a name, and there is one client here: a secret that every page had would
 * keep nobody out.
 */
export async function addOAuth(
  app: FastifyInstance,
  { actions, introspectionSecret, recordRefusal }: OAuthOptions,
): Promise<void> {
  // A scope of its own: elsewhere no forms are read, and here nothing else.
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
    scope.setErrorHandler(answerFault);
    scope.addHook('onRequest', (_request, reply, next) => {
      void reply.header('cache-control', 'no-store');
      next();
    });

    if (introspectionSecret !== undefined) {
      const isAuthorized = createSecretCheck(introspectionSecret);
      scope.post('/oauth/introspect', {
        // No page is to have the secret.
        config: { cors: false },
        // Before the body is read.
        onRequest: async (request, reply) => {
          const { authorization } = request.headers;
          if (isAuthorized(authorization)) return;
          const reason = authorization === undefined ? 'no secret was sent' : 'the secret is wrong';
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
      // The RFC says that clients take no notice of what is in a 200. Those that do are told what a logout tells.
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
