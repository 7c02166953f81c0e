import { Client, type ClientConfig } from 'pg';
import { SESSION_SETTINGS } from './session-settings';

/** The parameters that a client of pg sends when it connects. pg has no option for other session settings. */
interface Startup {
  getStartupConf(): Record<string, string>;
}

const startupOf = (client: Client): Record<string, string> =>
  (Client.prototype as unknown as Startup).getStartupConf.call(client);

/** What Postgres calls the place where a commit waits for a standby. Its messages may be in any language. */
const WAIT_FOR_STANDBY = 'SyncRepWaitForLSN';

/** SQLSTATE transaction_resolution_unknown. */
const UNKNOWN = '08007';

type Done = (error: unknown, ...rest: unknown[]) => unknown;

/**
 * A client with our session settings, which contains three faults of a connection:
 *
 * - After a statement timed out, pg would return the connection to the pool. On a connection that was cut silently the
 *   next caller would wait forever. So the connection is closed with the statement.
 * - If an operator cancels a commit that waits for a standby, Postgres warns, and reports success. But the standby may lack
 *   it, and a failover would undo it. So the statement fails.
 * - An error between the moments when the pool and the borrower listen would have no listener, and Node would exit.
 */
export class GuardedClient extends Client {
  /** Whether the statement under way was committed here, and perhaps nowhere else. */
  private isOnlyHere = false;

  constructor(config?: ClientConfig) {
    super(config);
    // Arrives before the end of the statement that it is about.
    this.on('notice', ({ routine }) => {
      this.isOnlyHere ||= routine === WAIT_FOR_STANDBY;
    });
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

  /** Answers an error if what was just committed may be on no standby. */
  private takeDoubt(): Error | undefined {
    if (!this.isOnlyHere) return undefined;
    this.isOnlyHere = false;
    return Object.assign(new Error('The wait for a standby was cancelled: it may lack the commit'), {
      code: UNKNOWN,
    });
  }

  // pg's overloads cannot be restated here without repeating all of them.
  override query = ((...args: unknown[]): unknown => {
    const done = args.at(-1);
    // The pool passes a callback, TypeORM takes the promise.
    if (typeof done === 'function')
      args[args.length - 1] = (error: unknown, ...rest: unknown[]) =>
        (done as Done)(error ?? this.takeDoubt(), ...rest);
    const outcome = (Client.prototype.query as (...rest: unknown[]) => unknown).apply(this, args);
    if (!(outcome instanceof Promise)) return outcome;
    outcome.catch((error: unknown) => {
      if (error instanceof Error && error.message === 'Query read timeout') {
        (this as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      }
    });
    return outcome.then((result: unknown) => {
      const doubt = this.takeDoubt();
      if (doubt) throw doubt;
      return result;
    });
  }) as Client['query'];
}
