import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { createActions } from '../actions/actions';
import { createRefusalRecorder } from '../audit/refusal-recorder';
import { type AdministratorAccount, createAdministrator } from '../actions/create-administrator';
import { version } from './version';
import type { Config } from '../config/config';
import { background } from '../core/background';
import { systemClock } from '../core/clock';
import type { ViewSource } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import { every } from '../core/loop';
import { sharedAnswer } from '../core/shared-answer';
import { type Base, openStores, type Stores } from './database';
import { assembleGuard } from '../guard/guard';
import { createApp } from '../http/app';
import type { ExposeMetrics } from '../http/metrics';
import { listen, serveMetrics } from './listen';
import { createPrometheus, type Prometheus } from '../metrics/prometheus';
import { createPasswords } from '../passwords/argon2';
import { readTemplates } from '../mail/read-templates';
import { poolStateOf } from '../postgres/data-source';
import { purge } from '../postgres/purge';
import { hasPendingMigrations } from '../postgres/ledger';
import { createRateLimits, unlimited } from '../rate-limits/rate-limits';
import { createReadiness } from './readiness';
import { createRevoker } from '../revocation/revoke';
import { assembleBreachCheck } from './wire-breaches';
import { assembleMail, type Mail } from './wire-mail';
import { assembleRevocations } from './wire-revocation';
import { Teardown } from './teardown';
import { createKeyGenerator } from '../tokens/generate';
import { createRefreshKeyGenerator, createRefreshKeyRing } from '../tokens/refresh-keys';
import { createRefreshTokens } from '../tokens/refresh-tokens';
import { createKeyRing } from '../tokens/key-ring';
import { createSigner } from '../tokens/sign';
import { createVerifier } from '../tokens/verify';

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
    return await assemble({ config, logger, teardown, clock, metrics: createPrometheus(version) }, signal);
  } catch (error) {
    // The operator needs to see the first error, not one of the teardown.
    await teardown.run().catch(() => undefined);
    throw error;
  }
}

interface ServerBase extends Base {
  // Fastify needs more of it than the port has.
  readonly logger: Logger;
  readonly metrics: Prometheus;
}

async function assembleChecks(base: ServerBase, { seal, database, truth }: Stores) {
  const { config, clock } = base;
  const keys = createKeyRing({
    list: () => truth.signingKeys.list(),
    names: () => truth.signingKeys.names(),
    seal,
    // The log forgets a revoked key some time after its last token has expired. A ring must not be older than that.
    maxAge: config.accessTokenTtl * 1000 + KEYS_INTERVAL,
    clock,
  });
  const refreshKeys = createRefreshKeyRing({ list: () => truth.refreshKeys.list(), seal, clock });
  await Promise.all([keys.reload(), refreshKeys.reload()]);
  const refreshTokens = createRefreshTokens(refreshKeys);
  const revocations = await assembleRevocations({ ...base, database, truth });
  const verify = createVerifier({ ...config, keys, clock });
  return {
    ...revocations,
    keys,
    refreshKeys,
    refreshTokens,
    verify,
    guard: assembleGuard(verify, revocations.check),
  };
}

type Checks = Awaited<ReturnType<typeof assembleChecks>>;

function startBackgroundWork(
  base: ServerBase,
  { dataSource }: Stores,
  { keys, refreshTokens, announcements }: Checks,
): void {
  const { config, logger, teardown, clock } = base;
  const reloadKeys = background(logger, 'The keys could not be read.', () =>
    Promise.all([keys.reload(), refreshTokens.reload()]),
  );
  teardown.add(every(KEYS_INTERVAL, reloadKeys));
  // A revoked key must be dropped at once, not at the next interval.
  teardown.add(
    announcements.subscribe(({ kind }) => {
      if (kind === 'KEY') void reloadKeys();
    }),
  );
  const purgeOld = background(logger, 'The purge failed.', () =>
    purge(dataSource, { ...config, now: clock.now() / 1000 }),
  );
  teardown.add(every(PURGE_INTERVAL, purgeOld, FIRST_PURGE));
}

function createExposeMetrics(
  { metrics, clock }: ServerBase,
  { truth, dataSource, clockWatch }: Stores,
  source: Pick<ViewSource, 'state'>,
  { oldestMail }: Pick<Mail, 'oldestMail'>,
): ExposeMetrics {
  const countUnconfirmed = sharedAnswer(COUNT_MAX_AGE, clock, () => truth.log.countUnconfirmed());
  const readOldestMail = sharedAnswer(COUNT_MAX_AGE, clock, oldestMail);
  return sharedAnswer(0, clock, async () =>
    metrics.expose({
      unconfirmed: await countUnconfirmed().catch(() => undefined),
      oldestMail: await readOldestMail().catch(() => undefined),
      view: source.state,
      clockOffset: clockWatch.offset,
      pool: poolStateOf(dataSource),
    }),
  );
}

async function assemble(base: ServerBase, signal: AbortSignal | undefined): Promise<RunningServer> {
  const { config, logger, teardown, clock, metrics } = base;
  const templates = await readTemplates(config.mail.templates);
  const stores = await openStores(base, signal);
  const { truth } = stores;
  const checks = await assembleChecks(base, stores);

  const refusals = createRefusalRecorder({ audit: truth.audit, metrics, clock, logger });
  teardown.add(() => refusals.close());
  teardown.add(every(REFUSALS_INTERVAL, () => refusals.tick()));

  const { refreshKeys: keys } = checks;
  const mail = assembleMail(base, { ...stores, keys, metrics, templates });
  const { record: recordRefusal } = refusals;
  const actions = createActions({
    ...checks,
    ...mail,
    truth,
    recordRefusal,
    revoker: createRevoker(truth, checks.confirm),
    passwords: createPasswords(config, metrics),
    isBreached: assembleBreachCheck(base),
    rateLimits: config.rateLimit
      ? createRateLimits({ ...config, ...checks.rateCounters, clock, recordRefusal })
      : unlimited,
    sign: createSigner(checks.keys),
    generateKey: createKeyGenerator(stores.seal),
    generateRefreshKey: createRefreshKeyGenerator(stores.seal),
    clock,
    settings: { ...config, notices: config.mail.notices },
  });
  startBackgroundWork(base, stores, checks);

  const exposeMetrics = createExposeMetrics(base, stores, checks.source, mail);
  const stopping = new AbortController();
  const app = await createApp({
    ...config,
    ...checks,
    actions,
    readiness: createReadiness({
      postgres: truth,
      source: checks.source,
      hasPendingMigrations: () => hasPendingMigrations(stores.dataSource),
      clockWatch: stores.clockWatch,
      clock,
    }),
    // In production only on METRICS_PORT, which should not be public.
    exposeMetrics: config.metricsPort === undefined && !config.production ? exposeMetrics : undefined,
    stopping: stopping.signal,
    logger,
    recordRefusal,
    metrics,
    clock,
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
