import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import { transportError } from './transport-errors';

/**
 * Refuses a request that has not exactly one `Host` (RFC 9112, section 3.2): of two, a proxy may have judged one and
 * this server another. Node has to be told not to answer itself, as it does so in another form.
 */
export function addHostCheck(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }, reply) => {
    const hosts = raw.rawHeaders.filter(
      (name, index) => index % 2 === 0 && name.toLowerCase() === 'host',
    ).length;
    // HTTP/1.0 knows no such header.
    if (hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0')) return;
    await reply.code(400).header('connection', 'close').send(transportError(400));
  });
}

/** Whether a proxy says for whom it asks, and is not believed. */
const isUnbelieved = ({ headers, ip, socket }: FastifyRequest) =>
  (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) &&
  ip === socket.remoteAddress;

/**
 * Warns once when a proxy's word about the client's address is not believed. All clients of that proxy then share the
 * limits of one address, and nothing else would say so.
 */
export function addProxyWarning(app: FastifyInstance, logger: FastifyBaseLogger): void {
  let hasWarned = false;
  app.addHook('onRequest', (request, _reply, done) => {
    if (!hasWarned && isUnbelieved(request)) {
      hasWarned = true;
      logger.warn(
        { address: request.socket.remoteAddress },
        'A request came with X-Forwarded-For or Forwarded, which is not believed. If it came through your proxy, all ' +
          'its clients share the rate limits of one address: set TRUST_PROXY, and let the proxy send X-Forwarded-For.',
      );
    }
    done();
  });
}
