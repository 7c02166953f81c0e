import type { DataSource, EntityManager } from 'typeorm';
import { createAdministrator } from '../actions/create-administrator';
import type { Config } from '../config/config';
import { INTROSPECTION_SECRET_FILE, makesIntrospectionSecret } from '../config/own-secret';
import { createAvailability } from '../core/availability';
import type { Clock } from '../core/clock';
import { localIdOf } from '../core/key-id';
import type { Logger } from '../core/ports/logger';
import type { Tables, Truth } from '../core/ports/truth';
import { every } from '../core/loop';
import { StartError } from '../core/start-error';
import { inFolder } from '../embedded/folder-faults';
import { IN_MEMORY, openEmbeddedPostgres } from '../embedded/pglite';
import { readOrMakeSecret } from '../embedded/secret';
import { createPasswords } from '../passwords/argon2';
import { createDataSource, type DataSourceOptions, type PostgresAddress } from '../postgres/data-source';
import { type Agreement, agreeOn, type LastAgreement } from '../postgres/fleet-settings';
import { hasPendingMigrations } from '../postgres/ledger';
import { connectionFault, preparationFault } from '../postgres/start-faults';
import { judgeStore } from '../postgres/properties';
import { type LockHolder, migrate, type StartWait } from '../postgres/start';
import { onPreparingRefused } from '../postgres/tables';
import { createTruth, tablesIn } from '../postgres/truth';
import { ClockWatch } from './clock-watch';
import type { Teardown } from './teardown';
import { createKeyGenerator } from '../tokens/generate';
import { createRefreshKeyGenerator, openRefreshKey } from '../tokens/refresh-keys';
import { createSeal, createSealOfNode, type Seal } from '../tokens/sealing';

/** ms between two comparisons with the clock of Postgres. */
const CLOCK_INTERVAL = 10_000;

/** ms; a statement that takes longer fails. */
export const STATEMENT_TIMEOUT = 5000;

/** Whether the nodes on this database use Redis. */
const usesRedis = ({ store }: Config): boolean => store.redisUrl !== undefined;

/** Returns the address of the configured Postgres. In the embedded mode, opens it first. */
export async function openPostgres({ store }: Config, teardown: Teardown): Promise<PostgresAddress> {
  if (store.mode === 'servers') return { url: store.databaseUrl, schema: store.schema };
  const embedded = await openEmbeddedPostgres(store.dataDir);
  teardown.add(() => embedded.close());
  return embedded;
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
    // Only this package configures the embedded Postgres.
    if (!('url' in address)) return dataSource;
    const { faults, warnings } = await judgeStore(dataSource, options.poolSize);
    if (faults.length > 0) throw new StartError(`This Postgres cannot be used. ${faults.join('\n')}`);
    for (const warning of warnings) logger?.warn({}, warning);
    return dataSource;
  } catch (error) {
    await dataSource?.destroy();
    throw connectionFault(error);
  }
}

/**
 * Says which setting of this node contradicts the nodes that started before; `undefined` if none does. A service with a
 * guard, and a node, rely on all nodes having the same.
 */
export function contradiction(config: Config, theirs: LastAgreement): string | undefined {
  const withRedis = usesRedis(config);
  if (theirs.usesRedis !== withRedis)
    return (
      `The other nodes on this database run ${withRedis ? 'without' : 'with'} REDIS_URL, this node ` +
      `${withRedis ? 'with' : 'without'} it. Use the same setting on every node. To change it, stop them all and run: ` +
      `npx tokenfence admin redis ${withRedis ? 'on' : 'off'}`
    );
  const { revocationLease: lease } = theirs;
  if (!withRedis || lease === undefined || lease === config.revocationLease) return undefined;
  return (
    `The other nodes on this database run with a REVOCATION_LEASE of ${lease}ms, this node with ` +
    `${config.revocationLease}ms. Use the same setting on every node. To change it, stop them all and run: ` +
    `npx tokenfence admin lease ${config.revocationLease}ms`
  );
}

type SealedTables = Pick<Tables, 'signingKeys' | 'refreshKeys'>;

/** Throws `StartError` if the secret is not the one that the keys were encrypted with. */
export async function checkSecret(seal: Seal, { signingKeys, refreshKeys }: SealedTables): Promise<void> {
  const [signing, refreshing] = [await signingKeys.list(), await refreshKeys.list()];
  try {
    for (const key of signing) seal.open(key.sealedPrivateKey, localIdOf(key.id));
    for (const key of refreshing) openRefreshKey(key, seal);
  } catch {
    throw new StartError(
      'SECRET cannot decrypt the keys in the database. Set the SECRET that they were encrypted with. ' +
        'To change SECRET, run: npx tokenfence admin reseal',
    );
  }
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

/** Runs the migrations and `work` in one transaction. Of several nodes that start at once, one does the work. */
export async function migrateAt<T>(
  address: PostgresAddress,
  work: (manager: EntityManager) => Promise<T>,
  wait?: StartWait,
): Promise<T> {
  const dataSource = await connect(address, { statementTimeout: 0, poolSize: 1 });
  try {
    return await migrate(dataSource, work, wait);
  } catch (error) {
    throw preparationFault(error);
  } finally {
    await dataSource.destroy();
  }
}

/** What a node has to know about its database. */
export interface PreparedDatabase extends Omit<Extract<Agreement, { agreed: true }>, 'agreed'> {
  /** It had no key, so there was no token of it. */
  readonly isNew: boolean;
}

/** Runs the migrations, agrees on shared settings, and creates the first signing key and the configured administrator. */
export function prepareDatabase(
  address: PostgresAddress,
  config: Config,
  seal: Seal,
  wait?: StartWait,
): Promise<PreparedDatabase> {
  const hasCopies = usesRedis(config);
  const prepare = async (manager: EntityManager) => {
    const isEmbedded = config.store.mode === 'embedded';
    const agreement = await agreeOn({ ...config, usesRedis: hasCopies, isEmbedded }, manager);
    if (!agreement.agreed) throw new StartError(contradiction(config, agreement));
    const tables = tablesIn(manager, { hasCopies, clockSkew: config.clockSkew });
    const { signingKeys, refreshKeys, users } = tables;
    const isNew = (await signingKeys.list()).length === 0;
    if (isNew) {
      const key = await signingKeys.insert(createKeyGenerator(seal)(await signingKeys.takeName()));
      await signingKeys.sign(key.id);
    }
    await signingKeys.drawNames();
    const firstKey = (await refreshKeys.list()).length === 0 && createRefreshKeyGenerator(seal)([]);
    if (firstKey) await refreshKeys.insert(firstKey);
    await checkSecret(seal, tables);
    if (config.administrator && (await users.countEnabledAdministrators()) === 0)
      await createAdministrator(tables, createPasswords(config), config.administrator);
    return { ...agreement, isNew };
  };
  return migrateAt(address, prepare, wait);
}

/** Makes a seal of the configured secret, or of the one beside the embedded database. */
export async function sealOf({ store }: Config): Promise<Seal> {
  if (store.mode === 'servers') return createSeal(store.secret);
  const { dataDir, secret } = store;
  return createSeal(secret ?? (await inFolder(dataDir, () => readOrMakeSecret(dataDir, 'secret'))));
}

/** Returns the configured secret for services, or the one beside the embedded database; `undefined` if there is none. */
export async function introspectionSecretOf(config: Config): Promise<string | undefined> {
  const { dataDir } = config.store.mode === 'embedded' ? config.store : { dataDir: IN_MEMORY };
  if (dataDir === IN_MEMORY || !makesIntrospectionSecret(config)) return config.introspectionSecret;
  return inFolder(dataDir, () => readOrMakeSecret(dataDir, INTROSPECTION_SECRET_FILE));
}

/** Throws `StartError` if the database lacks migrations of this version. */
async function requireMigrated(address: PostgresAddress): Promise<void> {
  const dataSource = await connect(address, { statementTimeout: STATEMENT_TIMEOUT, poolSize: 1 });
  try {
    if (await hasPendingMigrations(dataSource))
      throw new StartError(
        'The database lacks migrations of this version, and the option migrate is false. Run them: await migrate(options).',
      );
  } finally {
    await dataSource.destroy();
  }
}

/** What is needed to put parts of a server together. */
export interface Base {
  readonly config: Config;
  /** Whether the start runs migrations. True if left out. */
  readonly mayMigrate?: boolean;
  readonly logger: Logger;
  readonly teardown: Teardown;
  readonly clock: Clock;
}

/** Postgres, ready for use, and what was read there at the start. */
export interface Stores {
  readonly seal: Seal;
  readonly database: PreparedDatabase;
  readonly dataSource: DataSource;
  readonly truth: Truth;
  readonly clockWatch: ClockWatch;
}

/**
 * Opens Postgres and prepares it.
 *
 * @param signal ends a start that waits for another session
 */
export async function openStores(
  { config, logger, teardown, clock, mayMigrate = true }: Base,
  signal: AbortSignal | undefined,
): Promise<Stores> {
  const { clockSkew, poolSize } = config;
  const address = await openPostgres(config, teardown);
  if (!mayMigrate) await requireMigrated(address);
  const seal = await sealOf(config);
  const database = await prepareDatabase(address, config, seal, { signal, onWait: tellOfWait(logger) });
  const onConnectionLost = (error: Error) =>
    logger.debug({ reason: error.message }, 'A connection to Postgres was lost.');
  const options = { statementTimeout: STATEMENT_TIMEOUT, poolSize, onConnectionLost };
  const dataSource = await connect(address, options, logger);
  teardown.add(() => dataSource.destroy());
  onPreparingRefused(dataSource, () =>
    logger.warn({}, 'A pooler keeps no prepared statements, so Postgres plans each statement anew.'),
  );
  const truth = createTruth(
    dataSource,
    { hasCopies: usesRedis(config), clockSkew, databaseId: database.databaseId },
    createAvailability(logger, 'Postgres', 'Requests that need it fail until it is back.'),
  );
  const clockWatch = new ClockWatch({ readTime: () => truth.readTime(), clock, clockSkew, logger });
  await clockWatch.look();
  teardown.add(every(CLOCK_INTERVAL, () => clockWatch.look()));
  return { seal: createSealOfNode(seal, logger), database, dataSource, truth, clockWatch };
}
