import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createActions } from './actions/actions';
import { type AdministratorAccount, createAdministrator } from './administrator';
import type { Config } from './config/config';
import { createAvailability } from './core/availability';
import { systemClock } from './core/clock';
import { isUnavailable } from './core/errors';
import type { Truth } from './core/ports/truth';
import { every } from './core/schedule';
import { connectDatabase, openStore, prepareDatabase } from './database';
import { assembleGuard } from './guard/guard';
import { createApp } from './http/app';
import { createPasswords } from './passwords/argon2';
import { purge } from './postgres/purge';
import { hasPendingMigrations } from './postgres/start';
import { createTruth } from './postgres/truth';
import { createRateLimits, unlimited } from './rate-limits/rate-limits';
import { judgeReadiness } from './readiness';
import { connectRedis } from './redis/client';
import { keysOf } from './redis/keys';
import { createRecords } from './redis/records';
import { createAnnouncements } from './revocation/announcements';
import { createCheck } from './revocation/check';
import { createDelivery, type Deliver } from './revocation/delivery';
import { createRelay } from './revocation/relay';
import { createRevoker } from './revocation/revoke';
import { createTrust } from './revocation/trust';
import { StartError } from './start-error';
import { Teardown } from './teardown';
import { createKeyGenerator } from './tokens/generate';
import { createKeyRing } from './tokens/key-ring';
import { createSeal } from './tokens/sealing';
import { createSigner } from './tokens/sign';
import { createVerifier } from './tokens/verify';

export interface RunningServer {
  /** Where it listens. */
  readonly url: string;
  /** The administrator that this start has made with a password of its own choice, to be shown once. */
  readonly madeAdministrator?: AdministratorAccount;
  /** Finishes what is under way, then closes everything. */
  close(): Promise<void>;
}

/** ms between two readings of the signing keys, two purges. */
const KEYS_INTERVAL = 30_000;
const PURGE_INTERVAL = 3_600_000;

/** ms after the start: a service that is restarted often is to purge as well. */
const FIRST_PURGE = 60_000;

async function listen(app: FastifyInstance, { host, port }: Config): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why: Record<string, string> = {
      EADDRINUSE: 'another process listens there',
      EACCES: 'that is not permitted',
      EADDRNOTAVAIL: 'this machine has no such address',
      ENOTFOUND: 'there is no such host',
    };
    if (code === undefined || !why[code]) throw error;
    throw new StartError(`Cannot listen on ${host}, port ${port}: ${why[code]}. Set HOST and PORT.`);
  }
  const { address, port: given, family } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${given}`;
}

/**
 * The embedded mode's first administrator. Made last, when nothing can fail any more before the password is shown.
 */
async function ensureEmbeddedAdministrator(
  { store }: Config,
  truth: Truth,
): Promise<AdministratorAccount | undefined> {
  if (store.mode !== 'embedded' || (await truth.users.countEnabledAdministrators()) > 0) return undefined;
  const account = { email: 'admin@example.com', password: randomBytes(15).toString('base64url') };
  await truth.transaction((tables) => createAdministrator(tables, createPasswords(), account));
  return account;
}

/** Sets everything up by the configuration and listens. Throws `StartError` for what the operator has to mend. */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  const teardown = new Teardown();
  try {
    return await assemble(config, logger, teardown);
  } catch (error) {
    // What went wrong first is what the operator has to know.
    await teardown.run().catch(() => undefined);
    throw error;
  }
}

async function assemble(config: Config, logger: Logger, teardown: Teardown): Promise<RunningServer> {
  const { issuer, audience, clockSkew, store } = config;
  const clock = systemClock;

  // The stores.
  const { address, secret } = await openStore(config, teardown);
  const seal = createSeal(secret);
  const databaseId = await prepareDatabase(address, config, seal);
  const dataSource = await connectDatabase(address, config, logger);
  teardown.add(() => dataSource.destroy());
  const redisUrl = store.mode === 'servers' ? store.redisUrl : undefined;
  const redisAvailability = createAvailability(
    logger,
    'Redis',
    'Tokens are checked in Postgres until it is back.',
  );
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, redisAvailability);
  if (redis) teardown.add(() => redis.close());
  const keyNames = keysOf(databaseId);
  const records = redis && createRecords(redis, keyNames);
  const truth = createTruth(
    dataSource,
    { hasCopies: records !== undefined, clockSkew },
    createAvailability(logger, 'Postgres', 'Only what Redis knows can be told until it is back.'),
  );

  const trust = createTrust();

  // Reading: is this token one of ours, and is it still good?
  const keys = createKeyRing({
    list: () => truth.signingKeys.list(),
    seal,
    // The log forgets that a key was revoked when its last token has expired; a ring must not be older than that.
    maxAge: config.accessTokenTtl * 1000,
  });
  await keys.reload();
  const guard = assembleGuard(
    createVerifier({ keys, issuer, audience, clock, clockSkew }),
    createCheck({ copies: records && { records, trust }, truth, clock, clockSkew }),
  );

  // Writing: revoke, deliver, and what others left behind.
  const announcements = createAnnouncements();
  const deliverToCopies = createDelivery({
    publisher: records,
    log: truth.log,
    patience: 2 * config.revocationLease + 1000,
  });
  const deliver: Deliver = (entries) => {
    entries.forEach((entry) => announcements.announce(entry));
    return deliverToCopies(entries);
  };
  if (redis && records) {
    const relay = createRelay({ truth, copies: records, trust, availability: redisAvailability, logger });
    // So that the first request finds the copies in use, if they are there.
    await redis.tried;
    await relay.look();
    teardown.add(relay.start());
  }

  const actions = createActions({
    truth,
    revoker: createRevoker(truth, deliver),
    passwords: createPasswords(),
    limits: config.rateLimit ? createRateLimits(redis, keyNames.limits) : unlimited,
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
  const purgeOld = background('The purge', () => purge(dataSource, config));
  teardown.add(every(PURGE_INTERVAL, purgeOld, FIRST_PURGE));

  // Serving.
  const readiness = () =>
    judgeReadiness({
      postgres: truth,
      copies: records && { records, trust },
      hasPendingMigrations: () => hasPendingMigrations(dataSource),
    });
  const app = await createApp({ ...config, actions, guard, keys, readiness, logger, announcements, clock });
  teardown.add(() => app.close());
  const url = await listen(app, config);
  const madeAdministrator = await ensureEmbeddedAdministrator(config, truth);
  return { url, madeAdministrator, close: () => teardown.run() };
}
