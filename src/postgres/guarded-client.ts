import { Client, type ClientConfig } from 'pg';
import { SESSION_SETTINGS } from './session-settings';

/** The parameters that a client of pg sends when it connects. pg has no option for other session settings. */
interface Startup {
  getStartupConf(): Record<string, string>;
}

const startupOf = (client: Client): Record<string, string> =>
  (Client.prototype as unknown as Startup).getStartupConf.call(client);

/**
 * A client with our session settings, which contains two faults of a connection:
 *
 * - After a statement timed out, pg would return the connection to the pool. On a connection that was cut silently the
 *   next caller would wait forever. So the connection is closed with the statement.
 * - An error between the moments when the pool and the borrower listen would have no listener, and Node would exit.
 */
export class GuardedClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    // The pool and TypeORM still receive the error and drop the client. This listener is for the moments without one.
    this.on('error', () => undefined);
  }

  /**
   * Sends the settings as startup parameters: they cost no round trip and override the defaults of server, database and
   * role. The timeouts are sent even if they are 0, because a role may have others.
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
