import type { GraphQLSchema } from 'graphql';
import { handleProtocols } from 'graphql-ws';
import { type ServerOptions, WebSocket } from 'ws';
import type { Client } from '../actions/client';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import type { RecordRefusal } from '../core/ports/refusals';
import type { Guard } from '../guard/guard';
import type { Announcements } from '../revocation/announcements';
import { type CloseCause, codeOf, type OwnCause } from './closing';
import { SOCKET_LIMITS, type SocketLimits } from './limits';
import { createMembers } from './members';
import { createPace } from './pace';
import { createProtocol, type SocketState } from './protocol';

/** Told of every socket, for whoever counts. Must not throw. */
export interface SocketObserver {
  opened?(): void;
  closed?(cause: CloseCause): void;
}

export interface SocketsOptions {
  readonly schema: GraphQLSchema;
  /** Turns introspection of the schema off. */
  readonly production: boolean;
  readonly guard: Guard;
  /** Notes in the audit log what was refused. */
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

/** The WebSockets of this process: subscriptions, and nothing else, over graphql-transport-ws. */
export interface Sockets {
  /** How the server that does the upgrades must be set up. */
  readonly serverOptions: ServerOptions;
  /**
   * Serves a socket whose path and origin have been found good.
   *
   * @param id names the socket in the log
   */
  accept(socket: WebSocket, id: string, client: Client): void;
  /** How many are open. */
  readonly open: number;
  /** Closes all with 1001, and resolves when they are closed. Whoever comes later is refused. */
  stop(): Promise<void>;
}

export function createSockets({ limits: given, observer, ...options }: SocketsOptions): Sockets {
  const { logger } = options;
  const limits: SocketLimits = { ...SOCKET_LIMITS, ...given };
  const open = new Set<WebSocket>();
  let stopping = false;
  const members = createMembers({ ...options, limits });
  const protocol = createProtocol({ ...options, members, limits });
  /** Those that have been heard of since the last ping. */
  const alive = new WeakSet<WebSocket>();
  const causes = new WeakMap<WebSocket, CloseCause>();

  const note = (socket: WebSocket, cause: CloseCause) => {
    if (!causes.has(socket)) causes.set(socket, cause);
  };

  const closeWith = (socket: WebSocket, cause: CloseCause, code: number, reason: string) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    note(socket, cause);
    socket.close(code, reason);
    const timer = setTimeout(() => socket.terminate(), limits.closeTimeout).unref();
    socket.once('close', () => clearTimeout(timer));
  };
  const close = (socket: WebSocket, cause: OwnCause) => closeWith(socket, cause, codeOf(cause), cause);

  /** Whether the socket may be given more to send. One whose client does not read is closed, so that memory has an end. */
  const takesMore = (socket: WebSocket) => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount <= limits.bufferedBytes) return true;
    close(socket, 'TOO_SLOW');
    return false;
  };

  const serve = (socket: WebSocket, id: string, client: Client) => {
    open.add(socket);
    alive.add(socket);
    observer?.opened?.();
    const isWithinPace = createPace(limits.messages, options.clock);
    /** Notes that something came. Answers whether it is to be read: not if too much comes, or nothing more can be sent. */
    const heard = () => {
      alive.add(socket);
      if (!takesMore(socket)) return false;
      if (isWithinPace()) return true;
      close(socket, 'TOO_MANY_MESSAGES');
      return false;
    };
    const state: SocketState = {
      id,
      client,
      isOpen: () => socket.readyState === WebSocket.OPEN,
      close: (cause: OwnCause) => close(socket, cause),
    };
    const breakOff = (code: number, reason: string) => closeWith(socket, 'PROTOCOL', code, reason);

    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        // Resolves when it has left this process: until then the subscription's next event waits.
        send: (data) =>
          new Promise((resolve) => {
            if (takesMore(socket)) socket.send(data, () => resolve());
            else resolve();
          }),
        close: (code = 4400, reason = '') => breakOff(code, reason),
        onMessage: (handle) =>
          socket.on('message', (data) => {
            if (!heard()) return;
            // What our own hooks meet they answer themselves. Here remains a message that only servers may send.
            handle((data as Buffer).toString()).catch((error: unknown) => {
              logger.debug({ err: error, requestId: id }, 'A socket sent what is no message of a client.');
              breakOff(4400, 'Invalid message received');
            });
          }),
      },
      state,
    );
    socket.on('pong', heard);
    socket.on('ping', (data) => {
      if (heard()) socket.pong(data);
    });
    // A frame that breaks the rules, or is too large: the library closes the socket itself.
    socket.on('error', (error) => {
      note(socket, 'PROTOCOL');
      logger.debug({ err: error, requestId: id }, 'A socket broke the rules.');
    });
    socket.on('close', (code, reason) => {
      open.delete(socket);
      state.member?.leave();
      const cause = causes.get(socket) ?? 'CLIENT';
      logger.debug({ requestId: id, cause, code }, 'A socket was closed.');
      observer?.closed?.(cause);
      void closed(code, reason.toString());
    });
  };

  const pinging = setInterval(() => {
    for (const socket of open) {
      if (alive.delete(socket)) {
        if (takesMore(socket)) socket.ping();
      } else {
        note(socket, 'DEAD');
        socket.terminate();
      }
    }
  }, limits.pingInterval).unref();

  return {
    serverOptions: {
      maxPayload: limits.maxPayload,
      handleProtocols,
      // One message of a socket a turn: whatever it has sent, others get their turn after each.
      allowSynchronousEvents: false,
      // Answered above, within the bound of what may wait.
      autoPong: false,
    },
    accept(socket, id, client) {
      serve(socket, id, client);
      if (stopping) close(socket, 'STOPPING');
    },
    get open() {
      return open.size;
    },
    async stop() {
      stopping = true;
      clearInterval(pinging);
      members.stop();
      // Each is given its time to answer the close, and then cut off.
      await Promise.all(
        [...open].map(
          (socket) =>
            new Promise<void>((resolve) => {
              socket.once('close', () => resolve());
              close(socket, 'STOPPING');
            }),
        ),
      );
    },
  };
}
