import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { Agent, DecoratorHandler, type Dispatcher, WebSocket } from 'undici';

/** The server to connect to, and the limits. */
export interface WebSocketOptions {
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The subprotocol (RFC 6455, section 1.9), without which no connection is made. */
  readonly protocol: string;
  /** Bytes. A longer message ends the connection. */
  readonly longestMessage: number;
}

/** Why a connection ended, or why there was none. */
export interface SocketEnd {
  /** The code with which the server closed (RFC 6455, section 7.4). */
  readonly code?: number;
  /** The HTTP status by which the server refused. Not known in Bun. */
  readonly status?: number;
  /** ms after which the server wants to be asked again. */
  readonly retryAfter?: number;
  readonly reason: string;
}

/** Called by a connection. After `ended`, nothing is called. */
export interface SocketListener {
  opened(): void;
  received(text: string): void;
  ended(end: SocketEnd): void;
}

export interface OpenWebSocket {
  send(text: string): void;
  /** Closes the connection when what was sent has gone out, or after a second. `ended` is called at once. */
  close(): void;
  /** Closes the connection at once: the other side may be silent. `ended` is called with this reason. */
  drop(reason: string): void;
}

/** ms in which the other side may answer a close. */
const CLOSING_TIME = 1000;

/** ms of silence after which the system looks whether the other side is still there. */
const KEEP_ALIVE = 5000;

/** What the handshake brought, besides the socket of the library. */
interface Handshake {
  status?: number;
  retryAfter?: number;
  /** The connection itself: a library that closes politely waits for a silent server. */
  connection?: Pick<Socket, 'destroy'>;
}

/** What undici's decorator hands on. Its types name no method. */
interface Handler {
  onRequestUpgrade(controller: unknown, status: number, headers: unknown, connection: Socket): void;
  onResponseStart(controller: unknown, status: number, headers: IncomingHttpHeaders, message?: string): void;
}
const Decorator = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => Handler;

/** Notes what the library does not tell: the connection, and how the server refused. */
class Noting extends Decorator {
  constructor(
    handler: Dispatcher.DispatchHandler,
    private readonly handshake: Handshake,
  ) {
    super(handler);
  }

  override onRequestUpgrade(...given: Parameters<Handler['onRequestUpgrade']>) {
    const [, , , connection] = given;
    connection.setKeepAlive(true, KEEP_ALIVE);
    this.handshake.connection = connection;
    super.onRequestUpgrade(...given);
  }

  override onResponseStart(...given: Parameters<Handler['onResponseStart']>) {
    const [, status, headers] = given;
    this.handshake.status = status;
    const seconds = Number(headers['retry-after']);
    if (seconds >= 0) this.handshake.retryAfter = seconds * 1000;
    super.onResponseStart(...given);
  }
}

const urlOf = (url: string) => url.replace(/^http/i, 'ws');

/** Bun has a WebSocket of its own in the place of undici's. It takes the headers, and no dispatcher. */
const canNote = (agent: Partial<Agent>) => typeof agent.compose === 'function';

function open(agent: Agent, options: WebSocketOptions, handshake: Handshake): WebSocket {
  const { url, protocol, headers } = options;
  const dispatcher = canNote(agent)
    ? agent.compose((dispatch) => (request, handler) => dispatch(request, new Noting(handler, handshake)))
    : undefined;
  return new WebSocket(urlOf(url), { protocols: [protocol], headers: { ...headers }, dispatcher });
}

const reasonOf = ({ status }: Handshake, { code, reason }: { code: number; reason: string }) =>
  status === undefined
    ? `the connection ended (${code}${reason === '' ? '' : `: ${reason}`})`
    : `the answer was ${status}`;

/** Opens a WebSocket. It bounds the messages it receives; its user bounds the time. */
export function openWebSocket(options: WebSocketOptions, listener: SocketListener): OpenWebSocket {
  const { longestMessage } = options;
  const handshake: Handshake = {};
  const agent = new Agent({ webSocket: { maxPayloadSize: longestMessage } });
  const socket = open(agent, options, handshake);
  let hasEnded = false;

  const end = (why: SocketEnd) => {
    if (hasEnded) return;
    hasEnded = true;
    listener.ended(why);
  };
  const destroy = () => {
    handshake.connection?.destroy();
    // Ends a handshake under way.
    void agent.destroy();
    (socket as { terminate?: () => void }).terminate?.();
  };

  const drop = (reason: string) => {
    destroy();
    end({ reason });
  };

  socket.addEventListener('open', () => {
    if (!hasEnded) listener.opened();
  });
  socket.addEventListener('message', ({ data }) => {
    if (hasEnded) return;
    if (typeof data !== 'string' || data.length > longestMessage)
      drop('the server sent no text, or too much');
    else listener.received(data);
  });
  // Always followed by `close`, which says more.
  socket.addEventListener('error', () => undefined);
  socket.addEventListener('close', (event) => {
    void agent.destroy();
    const { status, retryAfter } = handshake;
    end({ code: event.code, status, retryAfter, reason: reasonOf(handshake, event) });
  });

  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close() {
      if (hasEnded) return;
      socket.close(1000);
      const timer = setTimeout(destroy, CLOSING_TIME);
      socket.addEventListener('close', () => clearTimeout(timer));
      end({ reason: 'closed' });
    },
    drop,
  };
}
