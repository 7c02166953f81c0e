import { isUnavailable } from './errors';
import type { Logger } from './ports/logger';

/**
 * Makes work whose failure nobody awaits safe to run in the background. A store that cannot be reached is expected, and
 * logged elsewhere; the work is repeated later. Any other error is logged. The result never rejects.
 *
 * @param failure the log's message, a sentence
 */
export const background =
  (logger: Logger, failure: string, work: () => Promise<unknown>): (() => Promise<void>) =>
  async () => {
    try {
      await work();
    } catch (error) {
      if (!isUnavailable(error)) logger.error({ err: error }, failure);
    }
  };
