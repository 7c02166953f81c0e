/** What waits to be sent for one subscription, as the iterable that GraphQL reads its events from. */
export interface Feed<T> extends AsyncIterable<T> {
  /** Answers false where too much waits already: the client does not read. */
  push(item: T): boolean;
  /** Drops what waits and sends this as the last item, unchecked. Resolves when it is sent, or nobody reads any more. */
  finish(item: T): Promise<void>;
  end(): void;
}

export interface FeedOptions {
  /** Asked before every item, when there is one and it is wanted. False: it must not be sent. */
  readonly admit: () => Promise<boolean>;
  /** Items that may wait. */
  readonly most: number;
  /** The reader has gone, or the feed was ended. */
  readonly onEnd: () => void;
}

export function createFeed<T>({ admit, most, onEnd }: FeedOptions): Feed<T> {
  let waiting: T[] = [];
  let isLast = false;
  let isBarred = false;
  let over = false;
  let wake = (): void => undefined;
  let lastIsSent = (): void => undefined;

  const end = () => {
    if (over) return;
    over = true;
    waiting = [];
    wake();
    lastIsSent();
    onEnd();
  };

  const next = async (): Promise<IteratorResult<T, undefined>> => {
    for (;;) {
      // The reader asks for more, so it has sent what it got before.
      if (isLast && waiting.length === 0) lastIsSent();
      if (over) return { done: true, value: undefined };
      if (waiting.length === 0 || (isBarred && !isLast)) {
        await new Promise<void>((resolve) => (wake = resolve));
      } else if (!isLast && !(await admit())) {
        // The socket is about to be closed. To end here would tell its client that all is well.
        isBarred = true;
      } else {
        // While it was asked for admission the feed may have got its last item, or have been ended.
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
      if (over || isLast) return true;
      if (waiting.length >= most) return false;
      waiting.push(item);
      wake();
      return true;
    },
    finish(item) {
      if (over) return Promise.resolve();
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
