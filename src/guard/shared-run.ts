/**
 * Makes `work` run once for all callers that ask before the run begins. A caller never gets the result of a run that began
 * before it asked: that result may be older than the reason for asking.
 */
export function sharedRun<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = () => {
    const run = work().finally(() => {
      if (running === run) running = undefined;
    });
    running = run;
    return run;
  };
  const startAfter = async (run: Promise<T>) => {
    await run.catch(() => undefined);
    next = undefined;
    return start();
  };
  return () => next ?? (running ? (next = startAfter(running)) : start());
}
