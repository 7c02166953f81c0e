import { createServer, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { originOf } from '../actions/client';
import type { RecordRefusal } from '../core/ports/refusals';
import type { Places } from '../sockets/places';
import type { Sockets } from '../sockets/sockets';
import { clientOf } from './client';
import type { IsOwnPage } from './origin';
import type { OwedAnswers } from './owed-answers';
import { answerRaw, transportError } from './transport-errors';

const PATH = '/graphql';

/** s. By then each socket that has not signed in is closed, and its place is free. */
const RETRY_AFTER = 5;

export interface UpgradeOptions {
  readonly sockets: Sockets;
  readonly places: Places;
  readonly recordRefusal: RecordRefusal;
  readonly owed: OwedAnswers;
  readonly isOwnPage: IsOwnPage;
  /** Whether the process is stopping, so that it lets no socket in. */
  readonly isClosing: () => boolean;
}

/** Whether the request asks for a WebSocket where there are some. */
const asksForSocket = ({ method, headers, url = '' }: IncomingMessage) =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.split('?', 1)[0] === PATH;

/** The request's head as it was sent, without the offer of another protocol. */
function headWithoutOffer({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    let value = rawHeaders[index + 1] ?? '';
    if (/^(?:upgrade|http2-settings)$/i.test(name)) continue;
    if (/^connection$/i.test(name)) {
      const options = value.split(',').map((option) => option.trim());
      value = options.filter((option) => !/^(?:upgrade|http2-settings)$/i.test(option)).join(', ');
    }
    lines.push(`${name}: ${value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/**
 * Lets WebSockets in at /graphql. Their requests pass the hooks of every request, so proxies are believed as elsewhere,
 * and a refusal has the form of every answer.
 *
 * `@fastify/websocket` does the upgrade, but it gets a request only when its turn has come. Node hands an upgrade over
 * as soon as it has read it, even while the connection waits for earlier answers, and an answer that is assigned to such
 * a connection throws (`ERR_HTTP_SOCKET_ASSIGNED`).
 */
export async function addUpgrades(app: FastifyInstance, options: UpgradeOptions): Promise<void> {
  const { sockets, places, recordRefusal, owed, isOwnPage, isClosing } = options;
  // Never listens. The library takes upgrades from a server that it is given, and from this one it gets what is due.
  const due = createServer();
  /** The connections of the requests that it got. */
  const handedOver = new WeakMap<IncomingMessage, Socket>();

  /**
   * Serves a request that offers another protocol, HTTP/2 for one, or a WebSocket elsewhere. A server may ignore the
   * offer (RFC 9110, section 7.8). Node does not, once it is asked for upgrades, and `shouldUpgradeCallback` of newer
   * versions drops what was read behind the request. So the connection begins again, without the offer:
   * https://github.com/nodejs/node/issues/57054
   */
  const serveWithoutOffer = (request: IncomingMessage, connection: Socket, head: Buffer) => {
    if (head.length > 0) connection.unshift(head);
    connection.unshift(headWithoutOffer(request));
    app.server.emit('connection', connection);
  };

  app.server.on('upgrade', (request, connection, head) => {
    // The types allow for other streams; a server that listens has none.
    if (!(connection instanceof Socket)) {
      connection.destroy();
      return;
    }
    // Node has removed its own listener. Without one, a connection that is lost meanwhile would end the process.
    const drop = () => connection.destroy();
    connection.on('error', drop);
    owed.whenAnswered(connection, () => {
      // An earlier answer was the last one, as its request had asked.
      if (!connection.writable) {
        drop();
        return;
      }
      // Set by Node after the last answer.
      connection.setTimeout(0);
      if (asksForSocket(request)) {
        handedOver.set(request, connection);
        due.emit('upgrade', request, connection, head);
      } else serveWithoutOffer(request, connection, head);
      connection.off('error', drop);
    });
  });

  // Without a listener, Node would destroy the connection with all answers that it is owed.
  app.server.on('connect', (_request, connection) => {
    if (!(connection instanceof Socket)) return void connection.destroy();
    connection.on('error', () => connection.destroy());
    owed.whenAnswered(connection, () => answerRaw(connection, 404));
  });

  // After a refusal Node reads no more from the connection, so nobody else would close it. The library closes it only where
  // its own hook has run, which a refusal by an earlier hook keeps from running.
  app.addHook('onResponse', (request, _reply, done) => {
    handedOver.get(request.raw)?.destroySoon();
    done();
  });

  await app.register(websocket, {
    // Each socket tells of its errors itself. The library would log each frame that breaks the rules as an error.
    errorHandler: () => undefined,
    options: { ...sockets.serverOptions, server: due },
    preClose: () => sockets.stop(),
  });
  // What is no handshake of RFC 6455. The library would answer in plain text.
  app.websocketServer.on('wsClientError', (_error, connection) => {
    if (connection instanceof Socket) answerRaw(connection, 400);
    else connection.destroy();
  });

  /** Takes a place for the socket, or answers the status with which it is refused. */
  const takePlace = (request: FastifyRequest): 429 | 503 | undefined => {
    const client = clientOf(request);
    const answer = places.take(request.raw.socket, client.ipAddress);
    if (answer === 'TAKEN') return undefined;
    if (answer === 'NODE_FULL') return 503;
    recordRefusal({ type: 'RATE_LIMIT_REACHED', reason: 'sockets-by-address', ...originOf(client) });
    return 429;
  };

  app.addHook('onRequest', async (request, reply) => {
    if (!request.ws) return;
    const fault = isClosing() ? 503 : isOwnPage(request) ? undefined : 403;
    const status = fault ?? takePlace(request);
    if (status === undefined) return;
    const retryAfter = fault === undefined ? RETRY_AFTER : undefined;
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
    await reply.code(status).header('connection', 'close').send(transportError(status, retryAfter));
  });
}
