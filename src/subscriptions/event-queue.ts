/** The events that wait to be sent for one subscription, as the iterable that GraphQL reads. */
export interface EventQueue<T> extends AsyncIterable<T> {
  /** Answers `false` when the queue is full: the client does not read. */
  push(item: T): boolean;
  /** Drops what waits and sends this item last, without asking `admit`. Resolves when it is sent, or the reader has gone. */
  finish(item: T): Promise<void>;
  end(): void;
}

export interface EventQueueOptions {
  /** Asked before each item is sent. `false`: no item is sent any more, except by `finish`. */
  readonly admit: () => Promise<boolean>;
  /** The most items that may wait. */
  readonly limit: number;
  /** Called when the reader has gone, or the queue was ended. */
  readonly onEnd: () => void;
}

export function createEventQueue<T>({ admit, limit, onEnd }: EventQueueOptions): EventQueue<T> {
  let waiting: T[] = [];
  let isLast = false;
  let isBarred = false;
  let isOver = false;
  let wake = (): void => undefined;
  let lastIsSent = (): void => undefined;

  const end = () => {
    if (isOver) return;
    isOver = true;
    waiting = [];
    wake();
    lastIsSent();
    onEnd();
  };

  const next = async (): Promise<IteratorResult<T, undefined>> => {
    for (;;) {
      // The reader asks for more, so it has sent what it got before.
      if (isLast && waiting.length === 0) lastIsSent();
      if (isOver) return { done: true, value: undefined };
      if (waiting.length === 0 || (isBarred && !isLast)) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else if (!isLast && !(await admit())) {
        // The socket is being closed. Ending here would tell the client that its subscription is complete.
        isBarred = true;
      } else {
        // During `admit` the queue may have got its last item, or have ended.
        const [item] = waiting.splice(0, 1);
        if (item !== undefined) return { done: false, value: item };
      }
    }
  };

  const stop = () => {
    end();
    return Promise.resolve({ done: true as const, value: undefined });
  };

  return {
    push(item) {
      if (isOver || isLast) return true;
      if (waiting.length >= limit) return false;
      waiting.push(item);
      wake();
      return true;
    },
    finish(item) {
      if (isOver) return Promise.resolve();
      waiting = [item];
      isLast = true;
      return new Promise((resolve) => {
        lastIsSent = resolve;
        wake();
      });
    },
    end,
    [Symbol.asyncIterator]: () => ({ next, return: stop }),
  };
}
