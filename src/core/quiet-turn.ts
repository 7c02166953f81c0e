import type { Server } from 'node:net';

/** ms to wait at most for a quiet turn. */
const LONGEST_WAIT_FOR_QUIET = 1000;

/** ms that a quiet turn of the event loop may take. */
const QUIET_TURN = 0.5;

/**
 * Calls back in a quiet turn of the event loop, which accepted no connection. Connections that arrive while Node is busy
 * wait to be accepted, and the system resets them when the listening socket closes.
 */
export function whenQuiet(server: Server, then: () => void): void {
  const begunAt = performance.now();
  let turnAt = begunAt;
  let accepted = 0;
  const count = () => {
    accepted += 1;
  };
  server.on('connection', count);
  const look = () => {
    const now = performance.now();
    const isQuiet = accepted === 0 && now - turnAt < QUIET_TURN;
    if (!isQuiet && now - begunAt < LONGEST_WAIT_FOR_QUIET) {
      accepted = 0;
      turnAt = now;
      setImmediate(look);
      return;
    }
    server.off('connection', count);
    then();
  };
  setImmediate(look);
}
