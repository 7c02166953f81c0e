import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import { createActions } from './actions/actions';
import { createAdministrator } from './administrator';
import type { Config } from './config/config';
import { systemClock } from './core/clock';
import { isUnavailable } from './core/errors';
import { type EmbeddedPostgres, openEmbeddedPostgres } from './embedded/pglite';
import { readOrMakeSecret } from './embedded/secret';
import { assembleGuard } from './guard/guard';
import { createApp } from './http/app';
import type { Readiness } from './http/health';
import { createPasswords } from './passwords/argon2';
import { createDataSource, type PostgresAddress } from './postgres/data-source';
import { agreeOn } from './postgres/fleet-settings';
import { purge } from './postgres/purge';
import { hasPendingMigrations, migrate } from './postgres/start';
import { createTruth, tablesIn } from './postgres/truth';
import { createRateLimits, unlimited } from './rate-limits/rate-limits';
import { connectRedis } from './redis/client';
import { createRecords } from './redis/records';
import { createCheck } from './revocation/check';
import { createDelivery } from './revocation/delivery';
import { startRelay } from './revocation/relay';
import { createRevoker } from './revocation/revoke';
import { every } from './core/schedule';
import { createKeyGenerator } from './tokens/generate';
import { createKeyRing } from './tokens/key-ring';
import { createSeal, type Seal } from './tokens/sealing';
import { createSigner } from './tokens/sign';
import { createVerifier } from './tokens/verify';

/** A fault of the surroundings that whoever starts the service has to mend; its message tells them how. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export interface RunningServer {
  /** Where it listens. */
  readonly url: string;
  /** The administrator that this start has made with a password of its own choice, to be shown once. */
  readonly madeAdministrator?: { readonly email: string; readonly password: string };
  /** Finishes what is under way, then closes everything. */
  close(): Promise<void>;
}

/** ms; a statement that takes longer is given up. */
const STATEMENT_TIMEOUT = 5000;

/** ms between two readings of the signing keys, two purges. */
const KEYS_INTERVAL = 30_000;
const PURGE_INTERVAL = 3_600_000;

/** Functions that undo what was set up, run last to first. */
class Teardown {
  private readonly steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.steps.splice(0).reverse()) await step();
  }
}

interface OpenStore {
  readonly address: PostgresAddress;
  readonly secret: string;
}

async function openStore({ store }: Config, teardown: Teardown): Promise<OpenStore> {
  if (store.mode === 'servers') return { address: { url: store.databaseUrl }, secret: store.secret };
  const embedded: EmbeddedPostgres = await openEmbeddedPostgres(store.dataDir);
  teardown.add(() => embedded.close());
  return { address: embedded, secret: store.secret ?? (await readOrMakeSecret(store.dataDir)) };
}

/** Migrations, what the nodes must agree on, the first signing key and the first administrator: once, by one node. */
async function prepareDatabase(
  address: PostgresAddress,
  config: Config,
  seal: Seal,
): Promise<RunningServer['madeAdministrator']> {
  const dataSource = createDataSource(address, { statementTimeout: 0, poolSize: 1 });
  await dataSource.initialize();
  const usesRedis = config.store.mode === 'servers' && config.store.redisUrl !== undefined;
  let made: RunningServer['madeAdministrator'];

  const prepare = async (manager: EntityManager) => {
    const agreed = await agreeOn({ usesRedis, accessTokenTtl: config.accessTokenTtl }, manager);
    if (!agreed) {
      throw new StartError(
        `The other nodes on this database run ${usesRedis ? 'without' : 'with'} REDIS_URL, this one ${usesRedis ? 'with' : 'without'} it. ` +
          `Set it alike. To change it for all, stop every node and run: npm run admin -- redis ${usesRedis ? 'on' : 'off'}`,
      );
    }
    const tables = tablesIn(manager, { hasCopies: usesRedis, clockSkew: config.clockSkew });
    const keys = await tables.signingKeys.list();
    if (keys.length === 0) {
      const key = await tables.signingKeys.insert(createKeyGenerator(seal)());
      await tables.signingKeys.sign(key.id);
    }
    for (const key of keys) {
      try {
        seal.open(key.sealedPrivateKey, key.id);
      } catch {
        throw new StartError(
          'SECRET is not the one that the signing keys in the database were encrypted with. Use that one again.',
        );
      }
    }
    if ((await tables.users.countEnabledAdministrators()) > 0) return;
    const given = config.administrator;
    if (given) await createAdministrator(tables, createPasswords(), given);
    else if (config.store.mode === 'embedded') {
      made = { email: 'admin@example.com', password: randomBytes(15).toString('base64url') };
      await createAdministrator(tables, createPasswords(), made);
    }
  };

  try {
    await migrate(dataSource, prepare);
  } finally {
    await dataSource.destroy();
  }
  return made;
}

async function connectPostgres(
  address: PostgresAddress,
  config: Config,
  logger: Logger,
): Promise<DataSource> {
  const dataSource = createDataSource(address, {
    statementTimeout: STATEMENT_TIMEOUT,
    poolSize: config.poolSize,
    onConnectionLost: (error) =>
      logger.debug({ reason: error.message }, 'A connection to Postgres was lost.'),
  });
  return dataSource.initialize();
}

const listeningUrl = (app: FastifyInstance) => {
  const { address, port, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
};

/** Sets everything up by the configuration and listens. Throws `StartError` for what the operator has to mend. */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  const teardown = new Teardown();
  try {
    return await assemble(config, logger, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function assemble(config: Config, logger: Logger, teardown: Teardown): Promise<RunningServer> {
  const { issuer, audience, clockSkew, store } = config;
  const clock = systemClock;

  const { address, secret } = await openStore(config, teardown);
  const seal = createSeal(secret);
  const madeAdministrator = await prepareDatabase(address, config, seal);
  const dataSource = await connectPostgres(address, config, logger);
  teardown.add(() => dataSource.destroy());

  const redis =
    store.mode === 'servers' && store.redisUrl !== undefined
      ? connectRedis(store.redisUrl, logger)
      : undefined;
  if (redis) teardown.add(() => redis.close());
  const records = redis && createRecords(redis);
  const truth = createTruth(dataSource, { hasCopies: records !== undefined, clockSkew });

  const keys = createKeyRing({ list: () => truth.signingKeys.list(), seal });
  await keys.reload();
  const verify = createVerifier({ keys, issuer, audience, clock, clockSkew });
  const check = createCheck({ records, truth, clock, clockSkew });
  const guard = assembleGuard(verify, check);

  const deliver = createDelivery({
    publisher: records,
    log: truth.log,
    // What a confirmation can take at most: see the lease. Then the caller is told that it is not confirmed.
    patience: 2 * config.revocationLease + 1000,
  });
  if (records) teardown.add(startRelay(truth, records, logger));

  const actions = createActions({
    truth,
    revoker: createRevoker(truth, deliver),
    passwords: createPasswords(),
    limits: config.rateLimit ? createRateLimits(redis) : unlimited,
    sign: createSigner(keys),
    keys,
    generateKey: createKeyGenerator(seal),
    clock,
    settings: config,
  });

  const background = (name: string, work: () => Promise<unknown>) => () =>
    work().catch((error: unknown) => {
      if (!isUnavailable(error)) logger.error({ err: error }, `${name} failed.`);
    });
  teardown.add(
    every(
      KEYS_INTERVAL,
      background('Reading the signing keys', () => keys.reload()),
    ),
  );
  teardown.add(
    every(
      PURGE_INTERVAL,
      background('The purge', () => purge(dataSource, config)),
    ),
  );

  let stopping = false;
  const answers = (ping: () => Promise<void>) =>
    ping().then(
      () => true,
      () => false,
    );
  const readiness = async (): Promise<Readiness> => {
    if (stopping) return { ready: false, degraded: [], reasons: ['the process is stopping'] };
    const [postgres, redisUp] = await Promise.all([
      answers(() => truth.ping()),
      records ? answers(() => records.ping()) : undefined,
    ]);
    const degraded = [...(postgres ? [] : ['postgres']), ...(redisUp === false ? ['redis'] : [])];
    if (!postgres && redisUp !== true)
      return { ready: false, degraded, reasons: ['no store can be reached'] };
    if (postgres && (await hasPendingMigrations(dataSource))) {
      return { ready: false, degraded, reasons: ['migrations are pending'] };
    }
    return { ready: true, degraded, reasons: [] };
  };

  const app = await createApp({ ...config, actions, guard, keys, readiness, logger });
  teardown.add(() => app.close());
  teardown.add(() => {
    stopping = true;
  });
  await app.listen({ host: config.host, port: config.port });
  return { url: listeningUrl(app), madeAdministrator, close: () => teardown.run() };
}
