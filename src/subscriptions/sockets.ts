import { handleProtocols } from 'graphql-ws';
import type { ServerOptions, WebSocket } from 'ws';
import type { Client } from '../actions/client';
import type { Clock } from '../core/clock';
import type { Metrics } from '../core/ports/metrics';
import type { Guard } from '../guard/guard';
import { createSocketGuard } from '../guard/sockets';
import type { Announcements } from '../revocation/announcements';
import { Connection } from './connection';
import { createProtocol, type ProtocolOptions, type SocketState } from './protocol';
import { SOCKET_LIMITS, type SocketLimits } from './socket-limits';
import { informWatchers, type Subscriptions } from './subscriptions';

export interface SocketsOptions extends Omit<ProtocolOptions, 'socketGuard' | 'watchers' | 'limits'> {
  readonly guard: Guard;
  /** The revocations that become known to this process. */
  readonly announcements: Announcements;
  readonly clock: Clock;
  /** ms that clocks may differ by */
  readonly clockSkew: number;
  readonly metrics: Pick<Metrics, 'socketOpened' | 'socketClosed'>;
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

export function createSockets({ limits: given, metrics, ...options }: SocketsOptions): Sockets {
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
  const watchers = new Set<Subscriptions>();
  const stopInforming = informWatchers(announcements, watchers);
  const protocol = createProtocol({ ...options, socketGuard, watchers, limits });

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
      const state: SocketState = { id, client, connection };
      open.add(connection);
      metrics.socketOpened();
      const leaveProtocol = protocol.opened(connection, state);
      connection.onceClosed((code, reason, cause) => {
        open.delete(connection);
        state.subscriptions?.end();
        void leaveProtocol(code, reason);
        logger.debug({ requestId: id, cause, code }, 'A socket was closed.');
        metrics.socketClosed(cause);
      });
      if (isStopping) connection.closeFor('STOPPING');
    },
    get open() {
      return open.size;
    },
    async stop() {
      isStopping = true;
      clearInterval(pinging);
      stopInforming();
      // A client that does not answer the close in time is cut off.
      await Promise.all(
        [...open].map(
          (connection) =>
            new Promise<void>((resolve) => {
              connection.onceClosed(() => resolve());
              connection.closeFor('STOPPING');
            }),
        ),
      );
    },
  };
}
