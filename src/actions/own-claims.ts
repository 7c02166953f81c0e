import { before } from '../core/deadline';
import { serviceUnavailable } from '../core/errors';
import { copyOfClaims } from '../core/own-claims';
import type { Logger } from '../core/ports/logger';
import type { ReadOwnClaims, TokenCallbacks } from '../core/ports/own-claims';

const TIMEOUT = 5000;

/**
 * Wraps the application's callback, if there is one. What it throws is logged and never sent: the client gets
 * `SERVICE_UNAVAILABLE`, keeps its session and tries again.
 */
export function createReadOwnClaims(
  { claims: callback, hookTimeout = TIMEOUT }: TokenCallbacks,
  logger: Logger,
): ReadOwnClaims | undefined {
  if (!callback) return undefined;
  return async (holder) => {
    const tookTooLong = () => new Error(`The callback claims took longer than ${hookTimeout} ms.`);
    try {
      return copyOfClaims(await before(hookTimeout, () => callback(holder), tookTooLong));
    } catch (error) {
      const userId = holder.user.id;
      logger.error({ err: error, userId }, 'The callback claims failed, so no access token was signed.');
      throw serviceUnavailable(error);
    }
  };
}
