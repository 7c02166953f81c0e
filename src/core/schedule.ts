/**
 * Runs `work` every `interval` ms, never twice at a time and never keeping the process alive. Answers the function that
 * stops it and resolves when what is under way has ended.
 *
 * @param work must not throw
 * @param first ms until the first time, if that is to be sooner
 */
export function every(interval: number, work: () => Promise<unknown>, first = interval): () => Promise<void> {
  let underWay: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout;
  const schedule = (delay: number) => {
    timer = setTimeout(() => {
      underWay = work().then(() => {
        if (!stopped) schedule(interval);
      });
    }, delay).unref();
  };
  schedule(first);
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await underWay;
  };
}
