import type { Logger } from '../core/ports/logger';
import type { LoggedRevocation } from '../core/revocation';

/**
 * Called once for each revocation, when this process learns of it. Must not throw.
 *
 * @param isNew false for a revocation from before this process could announce it. Do not report it as an event, but do end
 * what it refuses: a store that did not know it may have let that in.
 */
export type Listener = (entry: LoggedRevocation, isNew: boolean) => void;

/** Announces revocations, made by any node, to the listeners in this process. */
export interface Announcements {
  announce: Listener;
  /** Answers a function that ends the subscription. */
  subscribe(listener: Listener): () => void;
  /** The number of subscriptions. */
  readonly listeners: number;
}

export function createAnnouncements(logger: Pick<Logger, 'error'>): Announcements {
  /** A service may hand in an async function, so the result may be a promise. */
  const listeners = new Set<(...told: Parameters<Listener>) => unknown>();
  return {
    announce(entry, isNew) {
      for (const listener of listeners) {
        // A listener that fails must not stop the others, nor the reader of the stream.
        const failed = (error: unknown) => {
          logger.error({ err: error }, 'A listener for revocations failed.');
        };
        try {
          const result = listener(entry, isNew);
          if (result instanceof Promise) void result.catch(failed);
        } catch (error) {
          failed(error);
        }
      }
    },
    subscribe(listener) {
      // Wrapped, so that the same function can subscribe twice and each subscription ends separately.
      const own = (...told: Parameters<Listener>): unknown => listener(...told);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get listeners() {
      return listeners.size;
    },
  };
}
