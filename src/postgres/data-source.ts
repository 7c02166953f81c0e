import { Client, type ClientConfig } from 'pg';
import { DataSource } from 'typeorm';
import { InitialSchema1790000000000 } from '../../migrations/1790000000000-initial-schema';
import { AuditEventEntity } from './entities/audit-event.entity';
import { FleetEntity } from './entities/fleet.entity';
import { RefreshTokenEntity } from './entities/refresh-token.entity';
import { RevocationEntity } from './entities/revocation.entity';
import { SessionEntity } from './entities/session.entity';
import { SigningKeyEntity } from './entities/signing-key.entity';
import { UserEntity } from './entities/user.entity';

/** Where Postgres is: a server's URL, or the settings by which the `pg` driver talks to one inside this process. */
export type PostgresAddress = { readonly url: string } | { readonly inProcess: object };

export interface DataSourceOptions {
  /** ms after which a statement is given up; 0 for never, which migrations need. */
  readonly statementTimeout: number;
  /** Connections at most. An in-process Postgres has one, whatever is asked for. */
  readonly poolSize: number;
  /** Told when an idle connection broke; it is replaced when it is needed next. */
  readonly onConnectionLost?: (error: Error) => void;
}

/**
 * A client that takes nobody down with it. Two faults of a connection would otherwise outlive it:
 *
 * - A statement that timed out: pg would hand its connection back to the pool, where the next caller waits behind an
 *   answer that, on a connection cut silently, never comes. So the connection is given up with the statement.
 * - An error in the moment between the pool's listening and the borrower's: nobody hears it, and Node ends the process.
 */
class GuardedClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    // The pool and TypeORM still hear it and drop the client; this only sees to it that somebody always does.
    this.on('error', () => undefined);
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

/** Makes the one data source of a process: the server's, the command line's and the tests' alike. */
export function createDataSource(address: PostgresAddress, options: DataSourceOptions): DataSource {
  const { statementTimeout } = options;
  return new DataSource({
    type: 'postgres',
    applicationName: 'tokenfence',
    entities: [
      AuditEventEntity,
      FleetEntity,
      RefreshTokenEntity,
      RevocationEntity,
      SessionEntity,
      SigningKeyEntity,
      UserEntity,
    ],
    migrations: [InitialSchema1790000000000],
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'all',
    synchronize: false,
    installExtensions: false,
    logging: false,
    poolSize: options.poolSize,
    poolErrorHandler: options.onConnectionLost ?? (() => undefined),
    extra:
      'inProcess' in address
        ? { ...address.inProcess, max: 1, idleTimeoutMillis: 0 }
        : {
            // Not TypeORM's `url`, of which it makes sense by rules of its own, and throws at a % that the driver takes.
            connectionString: address.url,
            Client: GuardedClient,
            connectionTimeoutMillis: 3000,
            keepAlive: true,
            ...(statementTimeout > 0 && {
              statement_timeout: statementTimeout,
              idle_in_transaction_session_timeout: statementTimeout * 3,
              // The server's own limit answers first; this one is for a server that no longer answers.
              query_timeout: statementTimeout + 1000,
            }),
          },
  });
}
