import type { Logger } from './ports/logger';

/** Whether a store answers, as the log knows it: said once when it goes and once when it is back, not per request. */
export interface Availability {
  worked(): void;
  failed(reason: string): void;
}

/** @param meanwhile what holds while it is away, as a sentence */
export function createAvailability(logger: Logger, store: string, meanwhile: string): Availability {
  let isAway = false;
  return {
    worked() {
      if (isAway) logger.info({ store }, `${store} is back.`);
      isAway = false;
    },
    failed(reason) {
      if (!isAway) logger.warn({ store, reason }, `${store} is away. ${meanwhile}`);
      isAway = true;
    },
  };
}
