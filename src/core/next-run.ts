/**
 * Makes callers share the next run of `work`. It begins when `turn` has settled, so nobody gets the result of a run that
 * began before they asked: that result may be older than the reason for asking.
 */
export function nextRun<T>(turn: () => Promise<unknown>, work: () => Promise<T>): () => Promise<T> {
  let next: Promise<T> | undefined;
  const begin = () => {
    next = undefined;
    return work();
  };
  return () => (next ??= turn().then(begin, begin));
}
