import { EventEmitter, on } from 'node:events';
import { GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import type { Guard } from '../../src/guard/guard';
import type { Announcements, Listener } from '../../src/revocation/announcements';
import { eventually } from '../support/eventually';
import { logged } from '../support/fake-guard';
import { startOwnSockets } from '../support/own-sockets';
import type { TestSocket } from '../support/socket';
import { serveSockets } from './adapters/graphql-ws';

export interface SocketServerOptions {
  readonly guard: Guard;
  readonly announcements: Announcements;
  /** ms */
  readonly patience?: number;
}

/** A server whose sockets are guarded. */
export interface SocketServer {
  readonly url: string;
  /** Subscribes, and resolves when the server has the subscription. */
  listen(socket: TestSocket): Promise<void>;
  /** Makes an event for the sockets of this user. */
  emit(userId: string): void;
  close(): Promise<unknown>;
}

export interface SocketServerKind {
  readonly name: string;
  readonly start: (options: SocketServerOptions) => Promise<SocketServer>;
}

const ownSockets: SocketServerKind = {
  name: "the auth server's own sockets",
  async start({ patience, ...options }) {
    const limits = { ofUser: Infinity, ...(patience !== undefined && { checkPatience: patience }) };
    const server = await startOwnSockets({ ...options, limits });
    return {
      url: server.url,
      listen: (socket) => socket.listen('subscription { sessionEnded { scope } }'),
      emit(userId) {
        const other = logged({ kind: 'SESSION', userId, sessionId: 'another' });
        options.announcements.announce(other, true);
      },
      close: () => server.close(),
    };
  },
};

export const ticks = new EventEmitter().setMaxListeners(0);

async function* everyTick() {
  for await (const [tick] of on(ticks, 'tick')) yield { tick: tick as number };
}

/** Counts the mutations that ran. */
export const touched = { times: 0 };

export const tickSchema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { tick: { type: GraphQLInt } } }),
  mutation: new GraphQLObjectType({
    name: 'Mutation',
    fields: { touch: { type: GraphQLInt, resolve: () => ++touched.times } },
  }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: { tick: { type: GraphQLInt, subscribe: everyTick } },
  }),
});

/** Subscribes, and resolves when the server has the subscription. */
export async function listenToTicks(socket: TestSocket): Promise<void> {
  const before = ticks.listenerCount('tick');
  socket.subscribe('subscription { tick }');
  await eventually(() => expect(ticks.listenerCount('tick')).toBeGreaterThan(before));
}

const graphqlWs: SocketServerKind = {
  name: 'graphqlWsGuard on a server of graphql-ws',
  async start({ guard, announcements, patience }) {
    const telling = {
      authenticate: (authorization: string | undefined) => guard.authenticate(authorization),
      onRevocation: (listener: Listener) => announcements.subscribe(listener),
    };
    const { url, close } = await serveSockets(tickSchema, telling, { patience });
    return { url, listen: listenToTicks, emit: () => void ticks.emit('tick', 1), close };
  },
};

export const SOCKET_SERVERS: readonly SocketServerKind[] = [ownSockets, graphqlWs];
