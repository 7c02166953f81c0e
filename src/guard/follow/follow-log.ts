import type { Logger } from '../../core/ports/logger';
import type { SocketEnd } from '../../http-client/web-socket';
import { isLasting } from './backoff';

const MEANWHILE = 'Tokens are checked in another way until it is back, or refused.';

/** What only an operator can change, by the status of the refusal. */
const REFUSALS: Readonly<Record<number, string>> = {
  401: 'The auth server refuses the secret of this service. Set secret to its INTROSPECTION_SECRET.',
  404: 'The auth server lets no service follow it. Set its INTROSPECTION_SECRET, and use the address of its API.',
  409: 'The auth server has no view to follow: it runs several nodes without Redis, or keeps no view. Every token is checked by introspection.',
};

/** Says once when no node can be followed, and once when one can be again. */
export function createFollowLog(logger: Logger) {
  let told: string | undefined;
  let isRefused = false;
  return {
    /** Whether the server has refused for a reason that only an operator can change. */
    get isRefused() {
      return isRefused;
    },
    fails({ status, reason }: SocketEnd) {
      isRefused = isLasting(status);
      const text = REFUSALS[status ?? 0] ?? `The auth server cannot be followed. ${MEANWHILE}`;
      if (text === told) return;
      told = text;
      logger.warn({ reason }, text);
    },
    works() {
      isRefused = false;
      if (told !== undefined) logger.info({}, 'The auth server is followed again.');
      told = undefined;
    },
  };
}
