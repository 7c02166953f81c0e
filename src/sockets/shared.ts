/**
 * Runs `work` once for all who ask while it waits to begin. Nobody is given the answer of a run that began before they
 * asked: what it found may be older than the reason for asking.
 */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
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
