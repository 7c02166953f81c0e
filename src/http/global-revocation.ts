import type { FastifyInstance } from 'fastify';
import { originOf } from '../actions/client';
import { isNotFound } from '../core/errors';
import type { Receipt } from '../core/receipt';
import type { Subject } from '../core/subject';
import type { AppOptions } from './app-options';
import type { ReadClient } from './client';
import { createFaultHandler, fault, malformed, type Sentences } from './oauth-faults';
import { readSubject } from './read-subject';
import { createSecretCheck, secretFault } from './secret-check';

export const GLOBAL_REVOCATION_PATH = '/global-token-revocation';

const JSON_TYPE = 'application/json';

/** Bytes of a body. */
const LONGEST_BODY = 4 * 1024;

/** s after which a request is repeated that was stored, and not confirmed. Each time adds a revocation. */
const RETRY_AFTER = 5;

const SENTENCES: Sentences = {
  400: 'Send only a "sub_id", with the format email, iss_sub or opaque, and only the members of that format (RFC 9493).',
  401: 'Send "Authorization: Bearer <REVOCATION_SECRET>".',
  404: 'The user was not found.',
  413: `The body is too large. The limit is ${LONGEST_BODY / 1024} KiB.`,
  415: `Send JSON as "Content-Type: ${JSON_TYPE}".`,
};

type Options = Pick<AppOptions, 'actions' | 'recordRefusal' | 'logger'> & {
  readonly revocationSecret: string;
  readonly clientOf: ReadClient;
};

/** Reads JSON, and nothing else. */
function addParser(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser<string>(
    JSON_TYPE,
    { parseAs: 'string', bodyLimit: LONGEST_BODY },
    (_request, body, parsed) => {
      const subject = readSubject(body);
      parsed(subject ? null : malformed(), subject);
    },
  );
}

/** Refuses requests without the secret, before their body is read. */
function addSecret(scope: FastifyInstance, { revocationSecret, recordRefusal, clientOf }: Options): void {
  const isAuthorized = createSecretCheck(revocationSecret);
  scope.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store');
    const { authorization } = request.headers;
    if (isAuthorized(authorization)) return;
    const reason = secretFault(authorization);
    recordRefusal({ type: 'REVOCATION_REFUSED', reason, ...originOf(clientOf(request)) });
    // RFC 6750, section 3.1: no error code if nothing was sent.
    const challenge = authorization === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
    await reply.code(401).header('www-authenticate', challenge).send(fault('invalid_client', SENTENCES[401]));
  });
}

/**
 * Adds `/global-token-revocation` (draft-parecki-oauth-global-token-revocation): another system ends all sessions and
 * tokens of a user. It answers 204 only when that is confirmed.
 */
export async function addGlobalRevocation(app: FastifyInstance, options: Options): Promise<void> {
  const { actions, logger, clientOf } = options;
  // A separate scope: only this route reads this body, and it reads nothing else.
  await app.register((scope, _options, done) => {
    addParser(scope);
    scope.setErrorHandler(createFaultHandler(logger, SENTENCES));
    addSecret(scope, options);
    // No page may hold the secret.
    scope.post(GLOBAL_REVOCATION_PATH, { config: { cors: false } }, async (request, reply) => {
      const subject = request.body as Subject | undefined;
      if (!subject) throw malformed();
      let receipt: Receipt;
      try {
        receipt = await actions.revokeSubject(subject, clientOf(request));
      } catch (error) {
        if (!isNotFound(error)) throw error;
        return reply.code(404).send(fault('user_not_found', SENTENCES[404]));
      }
      const { confirmation } = receipt;
      if (confirmation.confirmed) return reply.code(204).send();
      return reply
        .code(503)
        .header('retry-after', RETRY_AFTER)
        .send(fault('temporarily_unavailable', `${confirmation.reason} Repeat the request.`));
    });
    done();
  });
}
