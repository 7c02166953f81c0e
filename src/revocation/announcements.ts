import type { Logger } from '../core/ports/logger';
import type { LearnedRevocation, LoggedRevocation } from '../core/revocation';

/**
 * Called once for each revocation, when this process learns of it. Must not throw.
 *
 * @param isNew false for a revocation from before this process could announce it. Do not report it as an event, but do end
 * what it refuses: a store that did not know it may have let that in.
 */
export type Listener<Entry extends LearnedRevocation = LoggedRevocation> = (
  entry: Entry,
  isNew: boolean,
) => void;

/** Announces revocations, made by any node, to the listeners in this process. */
export interface Announcements<Entry extends LearnedRevocation = LoggedRevocation> {
  announce: Listener<Entry>;
  /** Answers a function that ends the subscription. */
  subscribe(listener: Listener<Entry>): () => void;
  /** The number of subscriptions. */
  readonly listeners: number;
}

export function createAnnouncements<Entry extends LearnedRevocation = LoggedRevocation>(
  logger: Pick<Logger, 'error'>,
): Announcements<Entry> {
  type Told = Parameters<Listener<Entry>>;
  const listeners = new Set<(...told: Told) => Promise<void>>();
  return {
    announce(entry, isNew) {
      for (const tell of listeners) void tell(entry, isNew);
    },
    // A service may hand in an async function, so the result may be a promise.
    subscribe(listener: (...told: Told) => unknown) {
      // A function for each subscription: the same listener can subscribe twice, and each subscription ends separately.
      const tell = async (...told: Told) => {
        try {
          await listener(...told);
        } catch (error) {
          // It must not stop the others, nor the reader of the stream.
          logger.error({ err: error }, 'A listener for revocations failed.');
        }
      };
      listeners.add(tell);
      return () => void listeners.delete(tell);
    },
    get listeners() {
      return listeners.size;
    },
  };
}
