/**
 * Waits for work until it is late. The work itself goes on, and its result is dropped.
 *
 * @param ms how long to wait
 * @param late returns the error to throw
 */
export async function before<T>(ms: number, work: () => T | Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work(), isLate]);
  } finally {
    clearTimeout(timer);
  }
}
