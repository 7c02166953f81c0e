import type { GraphQLSchema } from 'graphql';
import { handleProtocols, type Server } from 'graphql-ws';
import type { ServerOptions, WebSocket } from 'ws';
import type { Client } from '../actions/client';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { Guard } from '../guard/guard';
import { createSocketGuard } from '../guard/sockets';
import type { Announcements } from '../revocation/announcements';
import type { CloseCause } from './closing';
import { Connection } from './connection';
import { SOCKET_LIMITS, type SocketLimits } from './socket-limits';
import { createProtocol, type SocketState } from './protocol';
import { createSubscriptions } from './subscriptions';

/** Counts the sockets, for the metrics. Must not throw. */
export interface SocketObserver {
  opened?(): void;
  closed?(cause: CloseCause): void;
}

export interface SocketsOptions {
  readonly schema: GraphQLSchema;
  /** Turns introspection of the schema off. */
  readonly production: boolean;
  readonly guard: Guard;
  /** Records refused requests in the audit log. */
  readonly recordRefusal?: RecordRefusal;
  /** The revocations that become known to this process. */
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly logger: Logger;
  readonly observer?: SocketObserver;
  readonly limits?: Partial<SocketLimits>;
}

/** The WebSockets of this process. They serve subscriptions only, over graphql-transport-ws. */
export interface Sockets {
  /** Options of the WebSocket server that does the upgrades. */
  readonly serverOptions: ServerOptions;
  /**
   * Serves a socket whose path and origin were accepted.
   *
   * @param id names the socket in the log
   */
  accept(socket: WebSocket, id: string, client: Client): void;
  /** How many are open. */
  readonly open: number;
  /** Closes all with 1001, and resolves when they are closed. Closes later ones at once. */
  stop(): Promise<void>;
}

/** Serves one WebSocket by the protocol. */
function serve(
  protocol: Server<SocketState>,
  { protocol: spoken }: WebSocket,
  state: SocketState,
  logger: Logger,
): void {
  const { id, connection } = state;
  const closed = protocol.opened(
    {
      protocol: spoken,
      send: (data) => connection.send(data),
      close: (code = 4400, reason = '') => connection.breakOff(code, reason),
      onMessage: (handle) =>
        connection.onMessage((text) => {
          // Our hooks handle their own errors. What fails here is a message that only servers may send.
          handle(text).catch((error: unknown) => {
            logger.debug({ err: error, requestId: id }, 'A socket sent an invalid message.');
            connection.breakOff(4400, 'Invalid message received');
          });
        }),
    },
    state,
  );
  connection.onceClosed((code, reason) => {
    state.subscriptions?.end();
    void closed(code, reason);
  });
}

export function createSockets({ limits: given, observer, ...options }: SocketsOptions): Sockets {
  const { guard, announcements, clock, clockSkew, logger } = options;
  const limits: SocketLimits = { ...SOCKET_LIMITS, ...given };
  const open = new Set<Connection>();
  let isStopping = false;
  const socketGuard = createSocketGuard({
    guard,
    onRevocation: (listener) => announcements.subscribe(listener),
    clock,
    clockSkew,
    patience: limits.checkPatience,
  });
  const subscriptions = createSubscriptions(announcements, limits);
  const protocol = createProtocol({ ...options, socketGuard, subscriptions, limits });

  const pinging = setInterval(() => {
    for (const connection of open) connection.ping();
  }, limits.pingInterval).unref();

  return {
    serverOptions: {
      maxPayload: limits.maxPayload,
      handleProtocols,
      // One message of a socket in a turn of the event loop, so that the others get their turn in between.
      allowSynchronousEvents: false,
      // Connection answers pings, within the limit of what may wait.
      autoPong: false,
    },
    accept(socket, id, client) {
      const connection = new Connection({ socket, id, limits, clock, logger });
      open.add(connection);
      observer?.opened?.();
      connection.onceClosed((code, _reason, cause) => {
        open.delete(connection);
        logger.debug({ requestId: id, cause, code }, 'A socket was closed.');
        observer?.closed?.(cause);
      });
      serve(protocol, socket, { id, client, connection }, logger);
      if (isStopping) connection.close('STOPPING');
    },
    get open() {
      return open.size;
    },
    async stop() {
      isStopping = true;
      clearInterval(pinging);
      subscriptions.stop();
      // A client that does not answer the close in time is cut off.
      await Promise.all(
        [...open].map(
          (connection) =>
            new Promise<void>((resolve) => {
              connection.onceClosed(() => resolve());
              connection.close('STOPPING');
            }),
        ),
      );
    },
  };
}
