import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { originOf } from '../actions/client';
import type { Places } from '../subscriptions/places';
import type { Sockets } from '../subscriptions/sockets';
import type { AppOptions } from './app-options';
import { createClientReader } from './client';
import type { IsOwnPage } from './origin';
import type { Pipelines } from './pipelines';
import type { UpgradeHandler } from './follow';
import { answerRaw, transportError } from './transport-errors';

const PATH = '/graphql';

/** s. By then, sockets that have not signed in are closed, and their places are free. */
const RETRY_AFTER = 5;

export interface UpgradeOptions extends Pick<AppOptions, 'recordRefusal' | 'trustProxy'> {
  readonly sockets: Sockets;
  readonly places: Places;
  readonly pipelines: Pipelines;
  readonly isOwnPage: IsOwnPage;
  /** Takes services that follow this node. */
  readonly follow: UpgradeHandler;
  /** Whether the app is closing: it then accepts no sockets. */
  readonly isClosing: () => boolean;
}

/** Whether the request asks for a WebSocket at /graphql. */
const asksForSocket = ({ method, headers, url = '' }: IncomingMessage) =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.split('?', 1)[0] === PATH;

/** Returns the request's head as it was sent, without the offer of another protocol. */
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
 * Serves a request that offers another protocol, such as HTTP/2, or a WebSocket at another path. A server may ignore the
 * offer (RFC 9110, section 7.8). Node cannot, once it has an `upgrade` listener, and `shouldUpgradeCallback` of newer
 * versions drops what follows the request. So the connection starts over, without the offer:
 * https://github.com/nodejs/node/issues/57054
 */
function serveWithoutOffer(server: Server, request: IncomingMessage, connection: Socket, head: Buffer): void {
  if (head.length > 0) connection.unshift(head);
  connection.unshift(headWithoutOffer(request));
  server.emit('connection', connection);
}

/**
 * Takes what asks to leave HTTP, once the earlier responses on its connection are sent. Node emits `upgrade` as soon as
 * it has read the request, but a response assigned to a connection that still waits for an earlier one throws
 * `ERR_HTTP_SOCKET_ASSIGNED`.
 *
 * @param follow takes the upgrades of services that follow this node, and answers whether it did
 * @param upgrade does the upgrade of a WebSocket of a client
 */
function takeUpgrades(
  server: Server,
  pipelines: Pipelines,
  follow: UpgradeHandler,
  upgrade: (request: IncomingMessage, connection: Socket, head: Buffer) => void,
): void {
  server.on('upgrade', (request: IncomingMessage, connection: Socket, head: Buffer) => {
    // Node has removed its own listener. Without one, a connection error would crash the process.
    const drop = () => connection.destroy();
    connection.on('error', drop);
    pipelines.whenAnswered(connection, () => {
      // An earlier request asked to close the connection.
      if (!connection.writable) {
        drop();
        return;
      }
      // Node set a keep-alive timeout after the last response.
      connection.setTimeout(0);
      if (follow(request, connection, head)) return;
      if (asksForSocket(request)) upgrade(request, connection, head);
      else serveWithoutOffer(server, request, connection, head);
      connection.off('error', drop);
    });
  });

  // Without a listener, Node would destroy the connection, and the responses it is owed.
  server.on('connect', (_request: IncomingMessage, connection: Socket) => {
    connection.on('error', () => connection.destroy());
    pipelines.whenAnswered(connection, () => answerRaw(connection, 404));
  });
}

/**
 * Accepts WebSockets at /graphql. Their requests pass the usual hooks, so TRUST_PROXY applies, and refusals have the
 * usual form.
 */
export async function addUpgrades(app: FastifyInstance, options: UpgradeOptions): Promise<void> {
  const { sockets, places, recordRefusal, pipelines, isOwnPage, isClosing, follow } = options;
  const clientOf = createClientReader(options.trustProxy);
  // Never listens. `@fastify/websocket` takes upgrades from a server; this one emits them when their turn has come.
  const due = createServer();
  const handedOver = new WeakSet<IncomingMessage>();
  takeUpgrades(app.server, pipelines, follow, (request, connection, head) => {
    handedOver.add(request);
    due.emit('upgrade', request, connection, head);
  });

  // After a refusal Node does not read the connection, so it would stay open. The library closes it only if its own hook
  // has run, which it has not after a refusal by an earlier hook.
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    if (handedOver.has(raw)) raw.socket.destroySoon();
    done();
  });

  await app.register(websocket, {
    // Sockets handle their errors themselves. The library would log each invalid frame as an error.
    errorHandler: () => undefined,
    options: { ...sockets.serverOptions, server: due },
    preClose: () => sockets.stop(),
  });
  // For an invalid handshake (RFC 6455), which the library would answer in plain text.
  app.websocketServer.on('wsClientError', (_error: Error, connection: Socket) => answerRaw(connection, 400));

  /** Takes a place for the socket, or returns the status to refuse it with. */
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
    const refuse = (status: number, retryAfter?: number) => {
      if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
      return reply.code(status).header('connection', 'close').send(transportError(status, retryAfter));
    };
    if (isClosing()) return refuse(503);
    if (!isOwnPage(request)) return refuse(403);
    const status = takePlace(request);
    return status === undefined ? undefined : refuse(status, RETRY_AFTER);
  });
}
