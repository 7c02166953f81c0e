import { WebSocket } from 'ws';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import { type CloseCause, codeOf, type OwnCause } from './closing';
import type { SocketLimits } from './socket-limits';
import { createPace } from './pace';

export interface ConnectionOptions {
  readonly socket: WebSocket;
  /** Names the socket in the log. */
  readonly id: string;
  readonly limits: Pick<SocketLimits, 'messages' | 'bufferedBytes' | 'closeTimeout'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Pick<Logger, 'debug'>;
}

/** One WebSocket, within limits on what the client sends and on what waits for the client. */
export class Connection {
  /** Something has come since the last ping. */
  private isAlive = true;
  private cause: CloseCause | undefined;
  private readonly isWithinPace: () => boolean;

  constructor(private readonly options: ConnectionOptions) {
    const { socket, id, limits, clock, logger } = options;
    this.isWithinPace = createPace(limits.messages, clock);
    socket.on('pong', () => void this.hear());
    socket.on('ping', (data) => {
      if (this.hear()) socket.pong(data);
    });
    // A frame that breaks the rules, or is too large: the library closes the socket itself.
    socket.on('error', (error) => {
      this.cause ??= 'PROTOCOL';
      logger.debug({ err: error, requestId: id }, 'A socket broke the rules of WebSocket.');
    });
  }

  get isOpen(): boolean {
    return this.options.socket.readyState === WebSocket.OPEN;
  }

  close(cause: OwnCause): void {
    this.closeWith(cause, codeOf(cause), cause);
  }

  /** Closes the socket because its client broke the rules of the protocol. */
  breakOff(code: number, reason: string): void {
    this.closeWith('PROTOCOL', code, reason);
  }

  onceClosed(listener: (code: number, reason: string, cause: CloseCause) => void): void {
    this.options.socket.once('close', (code, reason) =>
      listener(code, reason.toString(), this.cause ?? 'CLIENT'),
    );
  }

  onMessage(handle: (text: string) => void): void {
    this.options.socket.on('message', (data) => {
      if (this.hear()) handle((data as Buffer).toString());
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
    this.close('TOO_MANY_MESSAGES');
    return false;
  }

  /** Answers whether more may be sent. Closes the socket if too much waits for its client, which bounds the memory. */
  private takesMore(): boolean {
    const { socket, limits } = this.options;
    if (!this.isOpen) return false;
    if (socket.bufferedAmount <= limits.bufferedBytes) return true;
    this.close('TOO_SLOW');
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
}
