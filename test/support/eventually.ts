import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats `attempt` until it no longer throws, and returns its result. Throws its last error after `patience` ms. */
export async function eventually<T>(attempt: () => T | Promise<T>, patience = 30_000): Promise<T> {
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(25);
    }
  }
}
