import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createActions } from './actions/actions';
import { createRefusalRecorder } from './audit/refusal-recorder';
import { type AdministratorAccount, createAdministrator } from './administrator';
import { version } from './commands/version';
import type { Config } from './config/config';
import { createAvailability } from './core/availability';
import { type Clock, systemClock } from './core/clock';
import { createClockWatch } from './core/clock-watch';
import { isUnavailable } from './core/errors';
import type { Truth } from './core/ports/truth';
import { every } from './core/schedule';
import { sharedAnswer } from './core/shared-answer';
import { connectDatabase, openStore, prepareDatabase, tellOfWait } from './database';
import { assembleGuard } from './guard/guard';
import { createApp } from './http/app';
import { listen, serveMetrics } from './listen';
import { createPrometheus } from './metrics/prometheus';
import { createPasswords } from './passwords/argon2';
import { poolOf } from './postgres/data-source';
import { purge } from './postgres/purge';
import { hasPendingMigrations } from './postgres/start';
import { createTruth } from './postgres/truth';
import { createRateLimits, unlimited } from './rate-limits/rate-limits';
import { createReadiness } from './readiness';
import { createRevoker } from './revocation/revoke';
import { assembleRevocations } from './revocations';
import { Teardown } from './teardown';
import { createKeyGenerator } from './tokens/generate';
import { createKeyRing } from './tokens/key-ring';
import { createSeal } from './tokens/sealing';
import { createSigner } from './tokens/sign';
import { createVerifier } from './tokens/verify';

export interface RunningServer {
  /** The base URL of the API. */
  readonly url: string;
  /** The administrator that this start created, with a generated password, which is shown once. */
  readonly madeAdministrator?: AdministratorAccount;
  /** The base URL of `/metrics`, if METRICS_PORT is set. */
  readonly metricsUrl?: string;
  /** Makes `/readyz` answer 503 and closes each connection after its next answer. Requests are served until `close`. */
  announceStop(): void;
  /** Finishes requests in progress, then closes everything. */
  close(): Promise<void>;
}

/** ms between two reads of the signing keys, and between two purges. */
const KEYS_INTERVAL = 30_000;
const PURGE_INTERVAL = 3_600_000;

/** ms for which readers of the metrics share one count in Postgres. */
const COUNT_MAX_AGE = 1000;

/** ms between two attempts to write refused requests to the audit log. */
const REFUSALS_INTERVAL = 1000;

/** ms between two comparisons with the clock of Postgres. */
const CLOCK_INTERVAL = 10_000;

/** ms until the first purge. It is short, so that a server that is often restarted purges too. */
const FIRST_PURGE = 60_000;

/** Creates the embedded mode's first administrator. Called last, so that the password is shown if it was created. */
async function ensureEmbeddedAdministrator(
  config: Config,
  truth: Truth,
): Promise<AdministratorAccount | undefined> {
  if (config.store.mode !== 'embedded' || (await truth.users.countEnabledAdministrators()) > 0)
    return undefined;
  const account = { email: 'admin@example.com', password: randomBytes(15).toString('base64url') };
  await truth.transaction((tables) => createAdministrator(tables, createPasswords(config), account));
  return account;
}

/**
 * Starts the server. Throws `StartError` for what the operator has to fix.
 *
 * @param signal ends a start that waits for another session; `startServer` then rejects with an `AbortError`
 * @param clock the system's if left out
 */
export async function startServer(
  config: Config,
  logger: Logger,
  signal?: AbortSignal,
  clock = systemClock,
): Promise<RunningServer> {
  const teardown = new Teardown();
  try {
    return await assemble(config, logger, teardown, signal, clock);
  } catch (error) {
    // The operator needs to see the first error, not one of the teardown.
    await teardown.run().catch(() => undefined);
    throw error;
  }
}

async function assemble(
  config: Config,
  logger: Logger,
  teardown: Teardown,
  signal: AbortSignal | undefined,
  clock: Clock,
): Promise<RunningServer> {
  const { issuer, audience, clockSkew, store } = config;
  const metrics = createPrometheus(version);

  // The stores.
  const { address, secret } = await openStore(config, teardown);
  const seal = createSeal(secret);
  const database = await prepareDatabase(address, config, seal, { signal, onWait: tellOfWait(logger) });
  const dataSource = await connectDatabase(address, config, logger);
  teardown.add(() => dataSource.destroy());
  const truth = createTruth(
    dataSource,
    {
      hasCopies: store.mode === 'servers' && store.redisUrl !== undefined,
      clockSkew,
      databaseId: database.databaseId,
    },
    createAvailability(logger, 'Postgres', 'Requests that need it fail until it is back.'),
  );

  const clockWatch = createClockWatch({ readTime: () => truth.readTime(), clock, clockSkew, logger });
  await clockWatch.look();
  teardown.add(every(CLOCK_INTERVAL, () => clockWatch.look()));

  // Checking tokens.
  const keys = createKeyRing({
    list: () => truth.signingKeys.list(),
    names: () => truth.signingKeys.names(),
    seal,
    // The log forgets a revoked key some time after its last token has expired. A ring must not be older than that.
    maxAge: config.accessTokenTtl * 1000 + KEYS_INTERVAL,
    clock,
  });
  await keys.reload();
  const revocations = await assembleRevocations({
    config,
    database,
    truth,
    clock,
    logger,
    metrics,
    teardown,
  });
  const { check, checkThoroughly, confirm, announcements, source, limits } = revocations;
  const verify = createVerifier({ keys, issuer, audience, clock, clockSkew });
  const guard = assembleGuard(verify, check);

  const refusals = createRefusalRecorder({ audit: truth.audit, metrics, clock, logger });
  teardown.add(() => refusals.close());
  teardown.add(every(REFUSALS_INTERVAL, () => refusals.tick()));

  const actions = createActions({
    truth,
    recordRefusal: refusals.record,
    revoker: createRevoker(truth, confirm),
    passwords: createPasswords(config, metrics),
    limits: config.rateLimit
      ? createRateLimits({ ...config, ...limits, clock, recordRefusal: refusals.record })
      : unlimited,
    sign: createSigner(keys),
    verify,
    checkThoroughly,
    keys,
    generateKey: createKeyGenerator(seal),
    clock,
    settings: config,
  });

  const background = (name: string, work: () => Promise<unknown>) => () =>
    work().catch((error: unknown) => {
      if (!isUnavailable(error)) logger.error({ err: error }, `Unexpected error in ${name}.`);
    });
  const reloadKeys = background('reading the signing keys', () => keys.reload());
  teardown.add(every(KEYS_INTERVAL, reloadKeys));
  // A revoked key must be dropped at once, not at the next interval.
  teardown.add(
    announcements.subscribe(({ kind }) => {
      if (kind === 'KEY') void reloadKeys();
    }),
  );
  const purgeOld = background('the purge', () => purge(dataSource, { ...config, now: clock.now() / 1000 }));
  teardown.add(every(PURGE_INTERVAL, purgeOld, FIRST_PURGE));

  // Serving.
  const readiness = createReadiness({
    postgres: truth,
    source,
    hasPendingMigrations: () => hasPendingMigrations(dataSource),
    clockWatch,
    clock,
  });
  const countUnconfirmed = sharedAnswer(COUNT_MAX_AGE, clock, () => truth.log.countUnconfirmed());
  const exposeMetrics = sharedAnswer(0, clock, () =>
    metrics.expose({
      isViewCurrent: () => source.state.isCurrent,
      viewSize: () => source.state.size,
      viewLag: () => source.state.lag,
      reachesRedis: () => source.state.reachesRedis,
      clockOffset: () => clockWatch.offset,
      unconfirmed: countUnconfirmed,
      pool: () => poolOf(dataSource),
    }),
  );
  const socketObserver = {
    opened: () => metrics.socketOpened(),
    closed: (cause: string) => metrics.socketClosed(cause),
  };
  const stopping = new AbortController();
  const app = await createApp({
    ...config,
    actions,
    guard,
    keys,
    readiness,
    // In production only on METRICS_PORT, which should not be public.
    exposeMetrics: config.metricsPort === undefined && !config.production ? exposeMetrics : undefined,
    stopping: stopping.signal,
    logger,
    recordRefusal: refusals.record,
    metrics,
    announcements,
    clock,
    socketObserver,
  });
  const metricsUrl = await serveMetrics(config, exposeMetrics, logger, teardown);
  teardown.add(() => app.close());
  const url = await listen(app, config.host, config.port, 'PORT');
  const madeAdministrator = await ensureEmbeddedAdministrator(config, truth);
  return {
    url,
    madeAdministrator,
    metricsUrl,
    announceStop: () => stopping.abort(),
    close: () => teardown.run(),
  };
}
