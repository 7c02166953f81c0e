import type { Clock } from './clock';

/**
 * Lets callers share one answer, however many they are: the work is under way once at most, and what it answered is
 * given again until `maxAge` ms after it began.
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
