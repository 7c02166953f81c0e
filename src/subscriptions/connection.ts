import type { WebSocket as ProtocolSocket } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import { type CloseCause, OWN_CLOSE_CODES } from './closing';
import type { SocketLimits } from './socket-limits';

/** ms */
const MINUTE = 60_000;

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** Names the socket in the log. */
  readonly id: string;
  readonly limits: Pick<SocketLimits, 'messages' | 'bufferedBytes' | 'closeTimeout'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Pick<Logger, 'debug'>;
}

/**
 * One WebSocket, as graphql-ws uses it, within limits on what the client sends and on what waits for the client. The
 * adapters of graphql-ws have no such limits.
 */
export class Connection implements ProtocolSocket {
  /** Something has come since the last ping. */
  private isAlive = true;
  private cause: CloseCause | undefined;
  /** A minute begins with the first frame after the end of the one before. */
  private minuteBeganAt = -Infinity;
  private framesOfMinute = 0;

  constructor(private readonly options: ConnectionOptions) {
    const { socket } = options;
    socket.on('pong', () => void this.hear());
    socket.on('ping', (data) => {
      if (this.hear()) socket.pong(data);
    });
    // A frame that breaks the rules, or is too large: the library closes the socket itself.
    socket.on('error', (error) => {
      this.cause ??= 'PROTOCOL';
      this.log(error, 'A socket broke the rules of WebSocket.');
    });
  }

  get protocol(): string {
    return this.options.socket.protocol;
  }

  get isOpen(): boolean {
    return this.options.socket.readyState === WebSocket.OPEN;
  }

  /** Closes the socket, after what already waits for it is sent. */
  closeFor(cause: keyof typeof OWN_CLOSE_CODES): void {
    this.closeWith(cause, OWN_CLOSE_CODES[cause], cause);
  }

  /** Closes the socket because its client broke the rules of the protocol. */
  close(code = 4400, reason = ''): void {
    this.closeWith('PROTOCOL', code, reason);
  }

  onceClosed(listener: (code: number, reason: string, cause: CloseCause) => void): void {
    this.options.socket.once('close', (code, reason) =>
      listener(code, reason.toString(), this.cause ?? 'CLIENT'),
    );
  }

  onMessage(handle: (text: string) => Promise<void>): void {
    this.options.socket.on('message', (data) => {
      if (!this.hear()) return;
      // Our hooks handle their own errors. What fails here is a message that only servers may send.
      handle((data as Buffer).toString()).catch((error: unknown) => {
        this.log(error, 'A socket sent an invalid message.');
        this.close(4400, 'Invalid message received');
      });
    });
  }

  /** Resolves when the data has left this process: until then the next event of the subscription waits. */
  send(data: string): Promise<void> {
    return new Promise((resolve) => {
      if (this.takesMore()) this.options.socket.send(data, () => resolve());
      else resolve();
    });
  }

  /** Pings the client, or cuts the connection if nothing has come since the last ping. */
  ping(): void {
    if (this.isAlive) {
      this.isAlive = false;
      if (this.takesMore()) this.options.socket.ping();
    } else {
      this.cause ??= 'DEAD';
      this.options.socket.terminate();
    }
  }

  /** Notes that something came. Answers whether to read it: not if too much comes, or nothing more can be sent. */
  private hear(): boolean {
    this.isAlive = true;
    if (!this.takesMore()) return false;
    if (this.isWithinPace()) return true;
    this.closeFor('TOO_MANY_MESSAGES');
    return false;
  }

  private isWithinPace(): boolean {
    const now = this.options.clock.monotonic();
    if (now - this.minuteBeganAt >= MINUTE) {
      this.minuteBeganAt = now;
      this.framesOfMinute = 0;
    }
    this.framesOfMinute += 1;
    return this.framesOfMinute <= this.options.limits.messages;
  }

  /** Answers whether more may be sent. Closes the socket if too much waits for its client, which bounds the memory. */
  private takesMore(): boolean {
    const { socket, limits } = this.options;
    if (!this.isOpen) return false;
    if (socket.bufferedAmount <= limits.bufferedBytes) return true;
    this.closeFor('TOO_SLOW');
    return false;
  }

  private closeWith(cause: CloseCause, code: number, reason: string): void {
    const { socket, limits } = this.options;
    if (!this.isOpen) return;
    this.cause ??= cause;
    socket.close(code, reason);
    const timer = setTimeout(() => socket.terminate(), limits.closeTimeout).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  private log(error: unknown, message: string): void {
    this.options.logger.debug({ err: error, requestId: this.options.id }, message);
  }
}
