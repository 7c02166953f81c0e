import type { Logger } from './ports/logger';

/** Logs when a store becomes unreachable and when it is back: once each, not per request. */
export interface Availability {
  worked(): void;
  failed(reason: string): void;
}

/** Of a store whose reach nobody is told of. */
export const untold: Availability = { worked: () => undefined, failed: () => undefined };

/** @param meanwhile a sentence that says what holds while the store cannot be reached */
export function createAvailability(logger: Logger, store: string, meanwhile: string): Availability {
  let isAway = false;
  return {
    worked() {
      if (isAway) logger.info({ store }, `${store} can be reached again.`);
      isAway = false;
    },
    failed(reason) {
      if (!isAway) logger.warn({ store, reason }, `${store} cannot be reached. ${meanwhile}`);
      isAway = true;
    },
  };
}
