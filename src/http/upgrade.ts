import { type IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Sockets } from '../sockets/sockets';
import type { IsOwnPage } from './origin';
import { transportError } from './transport-errors';

const PATH = '/graphql';

interface Upgrade {
  readonly connection: Socket;
  readonly head: Buffer;
}

const isWebSocket = ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket';

/**
 * Hands a request back that offers to go on in another protocol, HTTP/2 for one. Some clients offer that with every first
 * request, and a server may take no notice (RFC 9110, section 7.8); Node would, if it were not asked for WebSockets. So
 * the request is read once more, without the offer.
 */
function serveAsIs(app: FastifyInstance, request: IncomingMessage, connection: Socket, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? '';
    if (!/^(upgrade|connection|http2-settings)$/i.test(name))
      lines.push(`${name}: ${request.rawHeaders[index + 1]}`);
  }
  const text = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  connection.unshift(Buffer.concat([text, head]));
  app.server.emit('connection', connection);
}

/**
 * Lets sockets in at /graphql. A request to upgrade goes the way of every request, so the proxies in front of it are
 * believed as elsewhere, and what is not let in gets an answer of the same form.
 */
export function addUpgrades(app: FastifyInstance, sockets: Sockets, isOwnPage: IsOwnPage): void {
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();

  app.addHook('onRequest', (request, reply, done) => {
    const upgrade = upgrades.get(request.raw);
    if (!upgrade) {
      done();
      return;
    }
    const refuse = (status: number) => {
      void reply.code(status).header('connection', 'close').send(transportError(status));
    };
    if (request.method !== 'GET' || request.routeOptions.url !== PATH) {
      refuse(404);
    } else if (!isOwnPage(request)) {
      refuse(403);
    } else {
      reply.hijack();
      reply.raw.detachSocket(upgrade.connection);
      sockets.accept(request.raw, upgrade.connection, upgrade.head, request.id);
    }
  });

  app.server.on('upgrade', (request, connection, head) => {
    // The types allow for other streams; a server that listens has none.
    if (!(connection instanceof Socket)) {
      connection.destroy();
      return;
    }
    if (!isWebSocket(request)) {
      serveAsIs(app, request, connection, head);
      return;
    }
    // A connection that is lost meanwhile is no fault.
    connection.on('error', () => connection.destroy());
    upgrades.set(request, { connection, head });
    const response = new ServerResponse(request);
    response.assignSocket(connection);
    // Whoever has answered instead of letting it in: Node reads no other request from this connection.
    response.once('finish', () => connection.destroySoon());
    app.routing(request, response);
  });
  app.addHook('preClose', () => sockets.stop());
}
