import { WebSocket } from 'ws';
import type { Clock } from '../core/clock';
import {
  FOLLOW_CLOSE_CODES,
  type FollowerMessage,
  type NodeMessage,
  textOfMessage,
} from '../core/follow-messages';
import type { FollowerDrop } from '../core/ports/metrics';
import { readFollowerMessage } from '../core/read-follow-message';
import type { FollowerLimits } from './limits';
import { createPace, type Pace } from './pace';

export interface WireOptions {
  readonly socket: WebSocket;
  readonly limits: FollowerLimits;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** The WebSocket of one follower, within bounds on what it sends and on what waits for it. */
export class Wire {
  private readonly pace: Pace;
  /** Something has come since the last ping. */
  private isAlive = true;
  private why: FollowerDrop | undefined;
  /** Resolves when everything that was sent has left this process, or never will. */
  private sent: Promise<void> = Promise.resolve();

  constructor(private readonly options: WireOptions) {
    const { socket, limits, clock } = options;
    this.pace = createPace(limits, clock);
    socket.on('pong', () => void this.hear());
    socket.on('ping', (data) => {
      if (this.hear()) socket.pong(data);
    });
    // A frame that breaks the rules, or is too large: the library closes the socket itself.
    socket.on('error', () => (this.why ??= 'MALFORMED'));
  }

  get isOpen(): boolean {
    return this.options.socket.readyState === WebSocket.OPEN;
  }

  /** Bytes that wait in this process for the follower to read them. */
  get waiting(): number {
    return this.options.socket.bufferedAmount;
  }

  /** @param handle gets each message that a follower may send, in order */
  onMessage(handle: (message: FollowerMessage) => void): void {
    this.options.socket.on('message', (data, isBinary) => {
      if (!this.hear()) return;
      const message = isBinary ? undefined : readFollowerMessage((data as Buffer).toString());
      if (message) handle(message);
      else this.close('MALFORMED');
    });
  }

  /** @param listener gets why the node closed it; `LOST`: it did not */
  onceClosed(listener: (why: FollowerDrop) => void): void {
    this.options.socket.once('close', () => listener(this.why ?? 'LOST'));
  }

  send(message: NodeMessage): void {
    this.sendText(textOfMessage(message));
  }

  /** Sends a message that is written already: the same bytes may go to many followers. */
  sendText(data: string | Buffer): void {
    const { socket, limits } = this.options;
    if (!this.isOpen) return;
    if (socket.bufferedAmount + data.length > limits.waitingBytes) {
      this.cut('TOO_SLOW');
      return;
    }
    this.pace.earn();
    this.sent = new Promise((resolve) => socket.send(data, { binary: false }, () => resolve()));
  }

  /** Resolves when less waits for the follower than may before the next part of a snapshot. */
  async drained(): Promise<void> {
    while (this.isOpen && this.waiting > this.options.limits.partBytes) await this.sent;
  }

  /** Pings the follower, or cuts it off if nothing has come since the last ping. */
  ping(): void {
    if (!this.isAlive) this.cut('SILENT');
    else if (this.isOpen) {
      this.isAlive = false;
      this.options.socket.ping();
    }
  }

  /** Closes it after what already waits is sent. */
  close(why: keyof typeof FOLLOW_CLOSE_CODES): void {
    this.closeWith(why, FOLLOW_CLOSE_CODES[why], why);
  }

  /** Closes it after a farewell. */
  end(): void {
    this.closeWith(undefined, 1000, '');
  }

  /** Ends the connection at once: the follower does not read, or is gone. */
  cut(why: FollowerDrop): void {
    this.why ??= why;
    this.options.socket.terminate();
  }

  private closeWith(why: FollowerDrop | undefined, code: number, reason: string): void {
    const { socket, limits } = this.options;
    if (!this.isOpen) return;
    this.why ??= why;
    socket.close(code, reason);
    const timer = setTimeout(() => socket.terminate(), limits.closeTimeout).unref();
    socket.once('close', () => clearTimeout(timer));
  }

  /** Notes that something came. Answers whether to read it. */
  private hear(): boolean {
    this.isAlive = true;
    if (!this.isOpen) return false;
    if (this.pace.spend()) return true;
    this.close('TOO_MANY_MESSAGES');
    return false;
  }
}
