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
  const listeners = new Set<Listener>();
  return {
    announce(entry, isNews) {
      for (const listener of listeners) {
        try {
          listener(entry, isNews);
        } catch (error) {
          // Neither the others, nor whoever reads the stream, must be kept from it by one.
          logger.error({ err: error }, 'Someone who listens for revocations failed to take one.');
        }
      }
    },
    subscribe(listener) {
      // A function of its own: the same listener may subscribe twice, and each end but its own subscription.
      const own: Listener = (entry, isNews) => listener(entry, isNews);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get listeners() {
      return listeners.size;
    },
  };
}
