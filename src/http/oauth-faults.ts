import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { TokenfenceError } from '../core/errors';
import type { Logger } from '../core/ports/logger';

/** Creates an error response (RFC 6749, section 5.2), as RFC 7009 and RFC 7662 require. */
export const fault = (error: string, description: string | undefined) => ({
  error,
  error_description: description,
});

/** Makes the error of a body that cannot be read. */
export const malformed = () => Object.assign(new Error('Malformed body.'), { statusCode: 400 });

/** Says by status what is wrong with a request. The sentence of 400 stands for those without one. */
export type Sentences = Readonly<Record<number, string>> & { readonly 400: string };

/** Answers errors in the form of OAuth. */
export const createFaultHandler =
  (logger: Logger, sentences: Sentences) =>
  (error: FastifyError | TokenfenceError, request: FastifyRequest, reply: FastifyReply) => {
    if (error instanceof TokenfenceError && error.details.retryAfter !== undefined) {
      return reply
        .code(error.status)
        .header('retry-after', error.details.retryAfter)
        .send(fault('temporarily_unavailable', error.message));
    }
    const status = error instanceof TokenfenceError ? 500 : (error.statusCode ?? 500);
    if (status < 500)
      return reply.code(status).send(fault('invalid_request', sentences[status] ?? sentences[400]));
    logger.error({ requestId: request.id, err: error }, 'Unexpected error in a request.');
    return reply
      .code(500)
      .send(fault('server_error', `Unexpected error. Report the request id ${request.id} to the operators.`));
  };
