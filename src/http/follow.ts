import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { originOf } from '../actions/client';
import { FOLLOW_PATH, FOLLOW_PROTOCOL, NO_VIEW_CODE } from '../core/follow-messages';
import type { AppOptions } from './app-options';
import { createClientReader } from './client';
import { createSecretCheck, secretFault } from './secret-check';
import { answerRaw, type RawRefusal } from './transport-errors';

/**
 * Takes a request for a WebSocket at /follow, from the service that follows this node. Returns whether the path is that
 * one; if not, nothing was read or written, and the caller answers.
 */
export type UpgradeHandler = (request: IncomingMessage, connection: Duplex, head: Buffer) => boolean;

export type FollowOptions = Pick<AppOptions, 'door' | 'introspectionSecret' | 'recordRefusal' | 'trustProxy'>;

/** s; a stop is over by then, or another follower has gone. */
const RETRY_AFTER = 5;

const REFUSALS = {
  NOT_OFFERED: {
    status: 404,
    code: 'NOT_FOUND',
    message: 'Services cannot follow this server. Set INTROSPECTION_SECRET, and FOLLOWERS_PER_NODE above 0.',
  },
  NO_SECRET: {
    status: 401,
    code: 'UNAUTHENTICATED',
    message: 'Send "Authorization: Bearer <INTROSPECTION_SECRET>".',
    headers: { 'www-authenticate': 'Bearer' },
  },
  NO_VIEW: {
    status: 409,
    code: NO_VIEW_CODE,
    message:
      'This server has no view that can be followed. Give its nodes a REDIS_URL, or use introspection.',
  },
  STOPPING: {
    status: 503,
    code: 'SERVICE_UNAVAILABLE',
    message: 'This node is stopping. Follow another one.',
    retryAfter: RETRY_AFTER,
  },
  FULL: {
    status: 503,
    code: 'SERVICE_UNAVAILABLE',
    message: 'As many services follow this node as may. Follow another one, or raise FOLLOWERS_PER_NODE.',
    retryAfter: RETRY_AFTER,
  },
  PROTOCOL: {
    status: 400,
    code: 'BAD_REQUEST',
    message: `Ask for the subprotocol ${FOLLOW_PROTOCOL}. Tokenfence of another version may need another one.`,
  },
  HANDSHAKE: {
    status: 400,
    code: 'BAD_REQUEST',
    message: 'The handshake of the WebSocket is malformed (RFC 6455).',
  },
} satisfies Record<string, RawRefusal>;

/** Answers a request that asks for no WebSocket: most likely a proxy has not passed on that it does. */
export function addFollowHint(app: FastifyInstance): void {
  app.get(FOLLOW_PATH, (_request, reply) => {
    const message =
      'Services follow this node here, by a WebSocket. If you asked for one, let your proxy pass on the headers Upgrade and Connection.';
    return reply
      .code(426)
      .headers({ upgrade: 'websocket', connection: 'upgrade' })
      .send({ errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] });
  });
}

/** Whether the request asks for a WebSocket at /follow. */
const asksToFollow = ({ method, headers, url = '' }: IncomingMessage) =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && url.split('?', 1)[0] === FOLLOW_PATH;

const offersProtocol = ({ headers }: IncomingMessage) =>
  (headers['sec-websocket-protocol'] ?? '').split(',').some((name) => name.trim() === FOLLOW_PROTOCOL);

/**
 * Creates the handler of /follow. It checks the secret before the upgrade, so that without it a client holds neither a
 * place nor memory.
 */
export function createFollowUpgrade(options: FollowOptions): UpgradeHandler {
  const { introspectionSecret, door, recordRefusal } = options;
  const clientOf = createClientReader(options.trustProxy);
  const isAuthorized = introspectionSecret === undefined ? undefined : createSecretCheck(introspectionSecret);

  return (request, connection, head) => {
    if (!asksToFollow(request)) return false;
    const refuse = (why: keyof typeof REFUSALS) => {
      connection.on('error', () => connection.destroy());
      answerRaw(connection, REFUSALS[why]);
      return true;
    };
    if (!isAuthorized) return refuse('NOT_OFFERED');
    const { authorization } = request.headers;
    const client = clientOf({ raw: request, id: randomUUID() });
    if (!isAuthorized(authorization)) {
      const reason = secretFault(authorization);
      recordRefusal({ type: 'INTROSPECTION_REFUSED', reason, ...originOf(client) });
      return refuse('NO_SECRET');
    }
    const refusal = door.admit();
    if (refusal !== undefined) return refuse(refusal);
    if (!offersProtocol(request)) return refuse('PROTOCOL');
    door.accept(request, connection, head, client.ipAddress, () => refuse('HANDSHAKE'));
    return true;
  };
}
