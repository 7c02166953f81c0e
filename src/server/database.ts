import type { DataSource, EntityManager } from 'typeorm';
import { createAdministrator } from '../actions/create-administrator';
import type { Config } from '../config/config';
import { createAvailability } from '../core/availability';
import type { Clock } from '../core/clock';
import { type ClockWatch, createClockWatch } from '../core/clock-watch';
import { localIdOf } from '../core/key-id';
import type { Logger } from '../core/ports/logger';
import type { Reachable } from '../core/ports/reachable';
import type { Truth } from '../core/ports/truth';
import { every } from '../core/loop';
import { StartError } from '../core/start-error';
import { inFolder } from '../embedded/folder-faults';
import { openEmbeddedPostgres } from '../embedded/pglite';
import { readOrMakeSecret } from '../embedded/secret';
import { createPasswords } from '../passwords/argon2';
import { createDataSource, type DataSourceOptions, type PostgresAddress } from '../postgres/data-source';
import { type Agreement, agreeOn } from '../postgres/fleet-settings';
import { connectionFault, preparationFault } from '../postgres/start-faults';
import { judgeStore } from '../postgres/properties';
import { type LockHolder, migrate, type StartWait } from '../postgres/start';
import { createTruth, tablesIn } from '../postgres/truth';
import type { Teardown } from './teardown';
import { createKeyGenerator } from '../tokens/generate';
import { createSeal, type Seal } from '../tokens/sealing';

/** ms between two comparisons with the clock of Postgres. */
const CLOCK_INTERVAL = 10_000;

/** ms; a statement that takes longer fails. */
const STATEMENT_TIMEOUT = 5000;

const usesRedis = ({ store }: Config): boolean => store.mode === 'servers' && store.redisUrl !== undefined;

/** Opens the configured store, in the embedded mode its Postgres, and returns its address and its secret. */
async function openStore(
  { store }: Config,
  teardown: Teardown,
): Promise<{ address: PostgresAddress; secret: string }> {
  if (store.mode === 'servers') {
    return { address: { url: store.databaseUrl, schema: store.schema }, secret: store.secret };
  }
  const embedded = await openEmbeddedPostgres(store.dataDir);
  teardown.add(() => embedded.close());
  return {
    address: embedded,
    secret: store.secret ?? (await inFolder(store.dataDir, () => readOrMakeSecret(store.dataDir))),
  };
}

async function checkStore(
  dataSource: DataSource,
  poolSize: number,
  logger?: Pick<Logger, 'warn'>,
): Promise<void> {
  const { faults, warnings } = await judgeStore(dataSource, poolSize);
  if (faults.length > 0) throw new StartError(`This Postgres cannot be used. ${faults.join('\n')}`);
  for (const warning of warnings) logger?.warn({}, warning);
}

/**
 * Connects. Throws `StartError` if Postgres cannot be reached, refuses the connection, or lacks a needed property.
 *
 * @param logger warned of properties that the operator should know
 */
export async function connect(
  address: PostgresAddress,
  options: DataSourceOptions,
  logger?: Pick<Logger, 'warn'>,
): Promise<DataSource> {
  let dataSource: DataSource | undefined;
  try {
    dataSource = await createDataSource(address, options).initialize();
    if ('url' in address) await checkStore(dataSource, options.poolSize, logger);
    return dataSource;
  } catch (error) {
    await dataSource?.destroy();
    throw connectionFault(error);
  }
}

/** Opens the connection pool that requests use. */
export function connectDatabase(
  address: PostgresAddress,
  config: Config,
  logger: Logger,
): Promise<DataSource> {
  const options: DataSourceOptions = {
    statementTimeout: STATEMENT_TIMEOUT,
    poolSize: config.poolSize,
    onConnectionLost: (error) =>
      logger.debug({ reason: error.message }, 'A connection to Postgres was lost.'),
  };
  return connect(address, options, logger);
}

function contradiction(config: Config, theirs: Extract<Agreement, { agreed: false }>): StartError {
  const withRedis = usesRedis(config);
  if (theirs.usesRedis !== withRedis) {
    return new StartError(
      `The other nodes on this database run ${withRedis ? 'without' : 'with'} REDIS_URL, this node ` +
        `${withRedis ? 'with' : 'without'} it. Use the same setting on every node. To change it, stop them all and run: ` +
        `npx tokenfence admin redis ${withRedis ? 'on' : 'off'}`,
    );
  }
  return new StartError(
    `The other nodes on this database run with a REVOCATION_LEASE of ${theirs.revocationLease ?? 0}ms, this node with ` +
      `${config.revocationLease}ms. Use the same setting on every node. To change it, stop them all and run: ` +
      `npx tokenfence admin lease ${config.revocationLease}ms`,
  );
}

/** What a node has to know about its database. */
export type PreparedDatabase = Pick<Extract<Agreement, { agreed: true }>, 'databaseId' | 'longestTokenTtl'>;

interface StoresOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly teardown: Teardown;
  readonly clock: Clock;
}

/** Postgres, ready for use, and what was read there at the start. */
export interface Stores {
  readonly seal: Seal;
  readonly database: PreparedDatabase;
  readonly dataSource: DataSource;
  readonly truth: Truth & Reachable;
  readonly clockWatch: ClockWatch;
}

/** Logs which session the start waits for, and how to end it. */
export function tellOfWait(logger: Pick<Logger, 'warn'>): NonNullable<StartWait['onWait']> {
  return (holder: LockHolder | undefined, waited: number) =>
    logger.warn(
      { seconds: Math.round(waited / 1000), holder },
      'Waiting for the start lock. Another session holds it, usually a node that is starting. If its process ' +
        'is gone, end the session: select pg_terminate_backend(<pid>).',
    );
}

/**
 * Runs the migrations, agrees on shared settings, and creates the first signing key and the configured administrator.
 * Of several nodes that start at once, one does the work.
 */
export async function prepareDatabase(
  address: PostgresAddress,
  config: Config,
  seal: Seal,
  wait: StartWait = {},
): Promise<PreparedDatabase> {
  const withRedis = usesRedis(config);
  const prepare = async (manager: EntityManager) => {
    const agreement = await agreeOn({ ...config, usesRedis: withRedis }, manager);
    if (!agreement.agreed) throw contradiction(config, agreement);
    const tables = tablesIn(manager, { hasCopies: withRedis, clockSkew: config.clockSkew });
    const keys = await tables.signingKeys.list();
    if (keys.length === 0) {
      const name = await tables.signingKeys.takeName();
      const key = await tables.signingKeys.insert(createKeyGenerator(seal)(name));
      await tables.signingKeys.sign(key.id);
    }
    await tables.signingKeys.drawNames();
    for (const key of keys) {
      try {
        seal.open(key.sealedPrivateKey, localIdOf(key.id));
      } catch {
        throw new StartError(
          'SECRET cannot decrypt the signing keys in the database. Set the SECRET that they were encrypted with.',
        );
      }
    }
    if (config.administrator && (await tables.users.countEnabledAdministrators()) === 0) {
      await createAdministrator(tables, createPasswords(config), config.administrator);
    }
    return agreement;
  };

  const dataSource = await connect(address, { statementTimeout: 0, poolSize: 1 });
  try {
    return await migrate(dataSource, prepare, wait);
  } catch (error) {
    throw preparationFault(error);
  } finally {
    await dataSource.destroy();
  }
}

/**
 * Opens Postgres and prepares it.
 *
 * @param signal ends a start that waits for another session
 */
export async function openStores(
  { config, logger, teardown, clock }: StoresOptions,
  signal: AbortSignal | undefined,
): Promise<Stores> {
  const { clockSkew } = config;
  const { address, secret } = await openStore(config, teardown);
  const seal = createSeal(secret);
  const database = await prepareDatabase(address, config, seal, { signal, onWait: tellOfWait(logger) });
  const dataSource = await connectDatabase(address, config, logger);
  teardown.add(() => dataSource.destroy());
  const truth = createTruth(
    dataSource,
    { hasCopies: usesRedis(config), clockSkew, databaseId: database.databaseId },
    createAvailability(logger, 'Postgres', 'Requests that need it fail until it is back.'),
  );
  const clockWatch = createClockWatch({ readTime: () => truth.readTime(), clock, clockSkew, logger });
  await clockWatch.look();
  teardown.add(every(CLOCK_INTERVAL, () => clockWatch.look()));
  return { seal, database, dataSource, truth, clockWatch };
}
