import type { Clock } from './clock';

/**
 * Shares one answer among callers: `work` runs once at a time, and its answer is reused for `maxAge` ms from its start.
 */
export function sharedAnswer<T>(
  maxAge: number,
  clock: Pick<Clock, 'monotonic'>,
  work: () => Promise<T>,
): () => Promise<T> {
  let last: { readonly beganAt: number; readonly answer: Promise<T> } | undefined;
  let isUnderWay = false;
  return () => {
    const now = clock.monotonic();
    if (last && (isUnderWay || now - last.beganAt < maxAge)) return last.answer;
    isUnderWay = true;
    const answer = work().finally(() => (isUnderWay = false));
    last = { beganAt: now, answer };
    return answer;
  };
}
