import { guardedSockets } from '../support/guarded-sockets';
import { startOwnSockets } from '../support/own-sockets';
import type { SocketLimits } from '../../src/subscriptions/socket-limits';

export const SESSION_ENDED = 'subscription { sessionEnded { sessionId scope current } }';
export const REVOCATIONS = 'subscription { revocations { kind userId } }';

/** The clock of the servers. A test may move it on, in ms. */
export const clock = { at: 0, now: () => clock.at, monotonic: () => clock.at };

/** Returns a function that starts the auth server's own sockets. */
export function ownServer() {
  const start = guardedSockets(startOwnSockets, clock.now);
  return (limits: Partial<SocketLimits> = {}) => {
    clock.at = Date.now();
    return start({ clock, limits });
  };
}
