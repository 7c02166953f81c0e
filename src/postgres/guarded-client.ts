import { Client, type ClientConfig } from 'pg';
import { SESSION_SETTINGS } from './session-settings';

/** What a client of pg sends when it opens a connection. pg has no option for settings of a session in general. */
interface Startup {
  getStartupConf(): Record<string, string>;
}

const startupOf = (client: Client): Record<string, string> =>
  (Client.prototype as unknown as Startup).getStartupConf.call(client);

/**
 * A client with the session settings that we need, and one that takes nobody down with it. Two faults of a connection
 * would otherwise outlive it:
 *
 * - A statement that timed out: pg would hand its connection back to the pool, where the next caller waits behind an
 *   answer that, on a connection cut silently, never comes. So the connection is given up with the statement.
 * - An error in the moment between the pool's listening and the borrower's: nobody hears it, and Node ends the process.
 */
export class GuardedClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    // The pool and TypeORM still hear it and drop the client; this only sees to it that somebody always does.
    this.on('error', () => undefined);
  }

  /**
   * As parameters of the connection's start: they take no round trip, and hold against the defaults of server, database
   * and role. The timeouts are sent even if they are 0, as a role may have others.
   */
  getStartupConf(): Record<string, string> {
    return {
      statement_timeout: '0',
      idle_in_transaction_session_timeout: '0',
      ...startupOf(this),
      ...SESSION_SETTINGS,
    };
  }

  // pg's overloads cannot be restated here without repeating all of them.
  override query = ((...args: unknown[]): unknown => {
    const outcome = (Client.prototype.query as (...rest: unknown[]) => unknown).apply(this, args);
    if (outcome instanceof Promise) {
      outcome.catch((error: unknown) => {
        if (error instanceof Error && error.message === 'Query read timeout') {
          (this as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
        }
      });
    }
    return outcome;
  }) as Client['query'];
}
