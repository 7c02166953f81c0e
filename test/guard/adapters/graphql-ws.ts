import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { type GraphqlWsGuardOptions, graphqlWsGuard, type TellingGuard } from '../../../src/guard/graphql-ws';
import { eventually } from '../../support/eventually';
import { TestSocket } from '../../support/socket';
import type { Adapter } from './adapter';
import { schema } from './schema';

/** A server of graphql-ws behind the guard. */
export async function serveSockets(of: GraphQLSchema, guard: TellingGuard, options?: GraphqlWsGuardOptions) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const { dispose } = useServer({ schema: of, ...graphqlWsGuard(guard, options) }, server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, server, close: async () => dispose() };
}

const closed = (code: number, reason: string) => ({ closed: code, reason });

export const onGraphqlWs: Adapter = {
  name: 'graphql-ws',
  sees: {
    TOKEN_MISSING: closed(4403, 'TOKEN_MISSING'),
    TOKEN_INVALID: closed(4403, 'TOKEN_INVALID'),
    TOKEN_EXPIRED: closed(4401, 'TOKEN_EXPIRED'),
    TOKEN_REVOKED: closed(4403, 'TOKEN_REVOKED'),
    FORBIDDEN: { code: 'FORBIDDEN' },
    TOO_OLD: { code: 'INSUFFICIENT_USER_AUTHENTICATION' },
    SERVICE_UNAVAILABLE: closed(1013, 'SERVICE_UNAVAILABLE'),
    FAULT: closed(4500, 'INTERNAL_SERVER_ERROR'),
  },
  async start(guard) {
    const { url, close } = await serveSockets(schema, guard);
    return {
      async ask([authorization, again], want = 'user') {
        const socket = await TestSocket.open(url);
        const answered = (type: string) =>
          eventually(() => expect(!socket.isOpen || socket.of(type).length > 0).toBe(true));
        socket.send({ type: 'connection_init', payload: { authorization, Authorization: again } });
        await answered('connection_ack');
        if (socket.isOpen) {
          socket.subscribe(`{ ${want} }`);
          await answered('next');
        }
        if (!socket.isOpen) {
          const { code, reason } = await socket.closed;
          return { closed: code, reason };
        }
        const { payload } = await socket.receive('next');
        await socket.close();
        return payload.errors ? { code: payload.errors[0].extensions.code } : { userId: payload.data[want] };
      },
      close,
    };
  },
};
