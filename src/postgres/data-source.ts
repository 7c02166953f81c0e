import { DataSource } from 'typeorm';
import { InitialSchema1790000000000 } from '../../migrations/1790000000000-initial-schema';
import { AuditEventEntity } from './entities/audit-event.entity';
import { FleetEntity } from './entities/fleet.entity';
import { MailEntity } from './entities/mail.entity';
import { RefreshKeyEntity } from './entities/refresh-key.entity';
import { RevocationEntity } from './entities/revocation.entity';
import { SessionEntity } from './entities/session.entity';
import { SigningKeyEntity } from './entities/signing-key.entity';
import { UserEntity } from './entities/user.entity';
import { GuardedClient } from './guarded-client';
import { LEDGER, poolOf } from './tables';

/** Where the tables are: on a server, in a schema (default `public`), or in a Postgres inside this process. */
export type PostgresAddress =
  | { readonly url: string; readonly schema?: string }
  /** Settings with which the `pg` driver connects. */
  | { readonly inProcess: object };

export interface DataSourceOptions {
  /** ms after which a statement is cancelled; 0 for never, which migrations need. */
  readonly statementTimeout: number;
  /** The most connections. An in-process Postgres always has one. */
  readonly poolSize: number;
  /** Called when an idle connection breaks. It is replaced when it is next needed. */
  readonly onConnectionLost?: (error: Error) => void;
}

/** Creates the data source of the server, the command line or a test. */
export function createDataSource(address: PostgresAddress, options: DataSourceOptions): DataSource {
  const { statementTimeout } = options;
  return new DataSource({
    type: 'postgres',
    schema: ('url' in address && address.schema) || 'public',
    applicationName: 'tokenfence',
    entities: [
      AuditEventEntity,
      FleetEntity,
      MailEntity,
      RefreshKeyEntity,
      RevocationEntity,
      SessionEntity,
      SigningKeyEntity,
      UserEntity,
    ],
    migrations: [InitialSchema1790000000000],
    migrationsTableName: LEDGER,
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
            // Not TypeORM's `url`: TypeORM parses it differently, and throws at a % that the driver accepts.
            connectionString: address.url,
            Client: GuardedClient,
            connectionTimeoutMillis: 3000,
            keepAlive: true,
            ...(statementTimeout > 0 && {
              statement_timeout: statementTimeout,
              idle_in_transaction_session_timeout: statementTimeout * 3,
              // The server's own timeout comes first. This one is for a server that does not answer.
              query_timeout: statementTimeout + 1000,
            }),
          },
  });
}

/** How many connections of a data source are in use. */
export interface PoolState {
  readonly inUse: number;
  readonly idle: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
}

export function poolStateOf(dataSource: DataSource): PoolState {
  const { totalCount, idleCount, waitingCount } = poolOf(dataSource);
  return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
}
