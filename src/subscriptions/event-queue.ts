export interface EventQueueOptions {
  /** Asked before each item is sent. `false`: no item is sent any more, except by `finish`. */
  readonly admit: () => Promise<boolean>;
  /** The most items that may wait. */
  readonly limit: number;
  /** Called when the reader has gone, or the queue was ended. */
  readonly onEnd: () => void;
}

/**
 * The events that wait to be sent for one subscription, as the iterable that GraphQL reads. Not an async generator: the
 * `return` of one that waits would itself wait for the next event.
 */
export class EventQueue<T> implements AsyncIterable<T> {
  private waiting: T[] = [];
  /** `BARRED`: an item was not admitted. `LAST`: the last item waits, or is being sent. */
  private state: 'OPEN' | 'BARRED' | 'LAST' | 'OVER' = 'OPEN';
  private wake = (): void => undefined;
  private lastIsSent = (): void => undefined;

  constructor(private readonly options: EventQueueOptions) {}

  /** Answers `false` when the queue is full: the client does not read. */
  push(item: T): boolean {
    if (this.state === 'LAST' || this.state === 'OVER') return true;
    if (this.waiting.length >= this.options.limit) return false;
    this.waiting.push(item);
    this.wake();
    return true;
  }

  /** Drops what waits and sends this item last, without asking `admit`. Resolves when it is sent, or the reader has gone. */
  finish(item: T): Promise<void> {
    if (this.state === 'OVER') return Promise.resolve();
    this.waiting = [item];
    this.state = 'LAST';
    return new Promise((resolve) => {
      this.lastIsSent = resolve;
      this.wake();
    });
  }

  end(): void {
    if (this.state === 'OVER') return;
    this.state = 'OVER';
    this.waiting = [];
    this.wake();
    this.lastIsSent();
    this.options.onEnd();
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => this.next(),
      return: () => {
        this.end();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  private async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      // The reader asks for more, so it has sent what it got before.
      if (this.state === 'LAST' && this.waiting.length === 0) this.lastIsSent();
      if (this.state === 'OVER') return { done: true, value: undefined };
      if (this.waiting.length === 0 || this.state === 'BARRED') {
        await new Promise<void>((resolve) => (this.wake = resolve));
      } else if (await this.admits()) {
        // During `admit` the queue may have got its last item, or have ended.
        const [item] = this.waiting.splice(0, 1);
        if (item !== undefined) return { done: false, value: item };
      }
    }
  }

  private async admits(): Promise<boolean> {
    if (this.state === 'LAST' || (await this.options.admit())) return true;
    // The socket is being closed. Ending here would tell the client that its subscription is complete.
    if (this.state === 'OPEN') this.state = 'BARRED';
    return false;
  }
}
