import type { Logger } from '../core/ports/logger';
import type { LoggedRevocation } from '../core/revocation';

/** Told of each revocation, once, when this process learns of it. Must not throw. */
export type Listener = (entry: LoggedRevocation) => void;

/** Tells whoever wants to know, in this process, of revocations made anywhere. */
export interface Announcements {
  announce(entry: LoggedRevocation): void;
  /** Answers the function that ends the subscription. */
  subscribe(listener: Listener): () => void;
  /** How many listen. */
  readonly listeners: number;
}

export function createAnnouncements(logger: Pick<Logger, 'error'>): Announcements {
  const listeners = new Set<Listener>();
  return {
    announce(entry) {
      for (const listener of listeners) {
        try {
          listener(entry);
        } catch (error) {
          // Neither the others, nor whoever reads the stream, must be kept from it by one.
          logger.error({ err: error }, 'Someone who listens for revocations failed to take one.');
        }
      }
    },
    subscribe(listener) {
      // A function of its own: the same listener may subscribe twice, and each end but its own subscription.
      const own: Listener = (entry) => listener(entry);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get listeners() {
      return listeners.size;
    },
  };
}
