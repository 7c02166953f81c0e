/**
 * Runs `work` every `interval` ms, never twice at a time and never keeping the process alive. Answers the function that
 * stops it and resolves when what is under way has ended.
 *
 * @param work must not throw
 */
export function every(interval: number, work: () => Promise<unknown>): () => Promise<void> {
  let underWay: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout;
  const schedule = () => {
    timer = setTimeout(() => {
      underWay = work().then(() => {
        if (!stopped) schedule();
      });
    }, interval).unref();
  };
  schedule();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await underWay;
  };
}
