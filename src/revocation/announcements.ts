import type { Logger } from '../core/ports/logger';
import type { LoggedRevocation } from '../core/revocation';

/**
 * Told of each revocation, once, when this process learns of it. Must not throw.
 *
 * @param isNews false: it was made before this process could have told of it, and is no event any more; but whoever was let
 * in by a store that did not know it has to go
 */
export type Listener = (entry: LoggedRevocation, isNews: boolean) => void;

/** Tells whoever wants to know, in this process, of revocations made anywhere. */
export interface Announcements {
  announce: Listener;
  /** Answers the function that ends the subscription. */
  subscribe(listener: Listener): () => void;
  /** How many listen. */
  readonly listeners: number;
}

export function createAnnouncements(logger: Pick<Logger, 'error'>): Announcements {
  /** What they answer is a promise where the service gave an async function. */
  const listeners = new Set<(...told: Parameters<Listener>) => unknown>();
  return {
    announce(entry, isNews) {
      for (const listener of listeners) {
        // One that fails must keep neither the others from it, nor the reader of the stream.
        const failed = (error: unknown) => {
          logger.error({ err: error }, 'A listener for revocations failed.');
        };
        try {
          const result = listener(entry, isNews);
          if (result instanceof Promise) void result.catch(failed);
        } catch (error) {
          failed(error);
        }
      }
    },
    subscribe(listener) {
      // A function of its own: the same listener may subscribe twice, and each end but its own subscription.
      const own = (...told: Parameters<Listener>): unknown => listener(...told);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get listeners() {
      return listeners.size;
    },
  };
}
