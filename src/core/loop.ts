/** Work that runs in one place at a time, in the background. */
export interface Loop {
  /** Runs the work. If it runs already, it runs once more afterwards. */
  wake(): void;
  /** Ends it: resolves when a running call has ended, and nothing runs afterwards. */
  stop(): Promise<void>;
}

/** @param work handles its own errors: see `background` */
export function createLoop(work: () => Promise<void>): Loop {
  let running: Promise<void> | undefined;
  let isWanted = false;
  let stopped = false;

  const run = async () => {
    while (isWanted && !stopped) {
      isWanted = false;
      await work();
    }
    running = undefined;
  };

  return {
    wake() {
      isWanted = true;
      running ??= run();
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
}

/**
 * Runs `work` every `interval` ms, never twice at once, and does not keep the process alive. Returns a function that
 * stops it and resolves when a running call has ended.
 *
 * @param work handles its own errors; a rejection is ignored and the schedule continues
 * @param first ms until the first run
 */
export function every(interval: number, work: () => unknown, first = interval): () => Promise<void> {
  let underWay: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout;
  const schedule = (delay: number) => {
    timer = setTimeout(() => {
      const again = () => {
        if (!stopped) schedule(interval);
      };
      underWay = new Promise((resolve) => resolve(work())).then(again, again);
    }, delay).unref();
  };
  schedule(first);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await underWay;
  };
}
