import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from '../core/ports/logger';
import { transportError } from './transport-errors';

/**
 * Refuses a request without exactly one `Host` (RFC 9112, section 3.2): of two, a proxy may have checked the other one.
 * Node's own check is off, because its answer has another form.
 */
export function addHostCheck(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }, reply) => {
    const hosts = raw.rawHeaders.filter(
      (name, index) => index % 2 === 0 && name.toLowerCase() === 'host',
    ).length;
    // HTTP/1.0 does not require it.
    if (hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0')) return;
    await reply.code(400).header('connection', 'close').send(transportError(400));
  });
}

/** Whether the request has a forwarding header from a proxy that is not trusted. */
const isUnbelieved = ({ headers, ip, socket }: FastifyRequest) =>
  (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined) &&
  ip === socket.remoteAddress;

/** Warns once if a proxy is not trusted: all its clients then share the rate limits of one address. */
export function addProxyWarning(app: FastifyInstance, logger: Pick<Logger, 'warn'>): void {
  let hasWarned = false;
  app.addHook('onRequest', (request, _reply, done) => {
    if (!hasWarned && isUnbelieved(request)) {
      hasWarned = true;
      logger.warn(
        { address: request.socket.remoteAddress },
        'Ignored X-Forwarded-For or Forwarded: the sender is not trusted. If it is your proxy, all its clients share ' +
          'the rate limits of one address. Set TRUST_PROXY, and let the proxy send X-Forwarded-For.',
      );
    }
    done();
  });
}
