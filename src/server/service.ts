import { createApi } from '../actions/api';
import { createActions } from '../actions/actions';
import { createReadOwnClaims } from '../actions/own-claims';
import { createHookRunner } from '../actions/run-hook';
import { createRefusalRecorder } from '../audit/refusal-recorder';
import { background } from '../core/background';
import type { Callbacks } from '../core/ports/hooks';
import type { ViewSource } from '../core/ports/source';
import { every } from '../core/loop';
import { sharedAnswer } from '../core/shared-answer';
import { type Base, introspectionSecretOf, openStores, type Stores } from './database';
import { createFollowersDoor } from '../followers/door';
import { assembleGuard } from '../guard/guard';
import type { ExposeMetrics } from '../http/metrics';
import type { Prometheus } from '../metrics/prometheus';
import { createPasswords } from '../passwords/argon2';
import type { Followers } from '../protocol/followers';
import { readTemplates } from '../mail/read-templates';
import { poolStateOf } from '../postgres/data-source';
import { recordLease } from '../postgres/fleet-settings';
import { createSql } from '../postgres/sql';
import { purge } from '../postgres/purge';
import { hasPendingMigrations } from '../postgres/ledger';
import { outlasting } from '../protocol/lease';
import { createRateLimits, unlimited } from '../rate-limits/rate-limits';
import { createReadiness } from './readiness';
import { createRevoker } from '../revocation/revoke';
import { warnOfRoles } from './warn-of-roles';
import { assembleBreachCheck } from './wire-breaches';
import { assembleMail, type Mail } from './wire-mail';
import { assembleRevocations } from './wire-revocation';
import { createKeyGenerator } from '../tokens/generate';
import { createRefreshKeyGenerator, createRefreshKeyRing } from '../tokens/refresh-keys';
import { createRefreshTokens } from '../tokens/refresh-tokens';
import { createKeyRing } from '../tokens/key-ring';
import { createSigner } from '../tokens/sign';
import { createVerifier } from '../tokens/verify';

/** ms between two reads of the signing keys, and between two purges. */
const KEYS_INTERVAL = 30_000;
const PURGE_INTERVAL = 3_600_000;

/** ms for which readers of the metrics share one count in Postgres. */
const COUNT_MAX_AGE = 1000;

/** ms between two attempts to write refused requests to the audit log. */
const REFUSALS_INTERVAL = 1000;

/** ms until the first purge. It is short, so that a server that is often restarted purges too. */
const FIRST_PURGE = 60_000;

export interface ServiceBase extends Base {
  readonly metrics: Prometheus;
  readonly callbacks: Callbacks;
}

async function assembleChecks(base: ServiceBase, { seal, database, truth }: Stores) {
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
    guard: assembleGuard(verify, revocations.check, { ...config, clock }),
  };
}

type Checks = Awaited<ReturnType<typeof assembleChecks>>;

function startBackgroundWork(
  base: ServiceBase,
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

/** Once what an earlier process granted is over, the next start must outlast the lease of this one only. */
function settleLease({ config, teardown, logger }: ServiceBase, { database, dataSource }: Stores): void {
  const { store, revocationLease: lease } = config;
  if (store.mode !== 'embedded' || database.longestLease <= lease) return;
  const record = background(logger, 'The lease could not be recorded.', () =>
    recordLease(lease, dataSource.manager),
  );
  const timer = setTimeout(() => void record(), outlasting(database.longestLease)).unref();
  teardown.add(() => clearTimeout(timer));
}

function createExposeMetrics(
  { metrics, clock }: ServiceBase,
  { truth, dataSource, clockWatch }: Stores,
  source: Pick<ViewSource, 'state'>,
  { oldestMail }: Pick<Mail, 'oldestMail'>,
  followers: Followers | undefined,
): ExposeMetrics {
  const countUnconfirmed = sharedAnswer(COUNT_MAX_AGE, clock, () => truth.log.countUnconfirmed());
  const readOldestMail = sharedAnswer(COUNT_MAX_AGE, clock, oldestMail);
  return sharedAnswer(0, clock, async () =>
    metrics.expose({
      unconfirmed: await countUnconfirmed().catch(() => undefined),
      oldestMail: await readOldestMail().catch(() => undefined),
      view: source.state,
      followers: followers?.state,
      clockOffset: clockWatch.offset,
      pool: poolStateOf(dataSource),
    }),
  );
}

/** Tells the application of each revocation that this process learns of. Returns the end of that. */
function tellRevoked(announcements: Pick<Checks['announcements'], 'subscribe'>, { hooks }: Callbacks) {
  return announcements.subscribe((entry, isNew) => (isNew ? hooks?.revoked?.(entry) : undefined));
}

/** Opens the stores and puts the use cases together: everything but HTTP and GraphQL. */
export async function openService(base: ServiceBase, signal: AbortSignal | undefined) {
  const { config, logger, teardown, clock, metrics } = base;
  const templates = await readTemplates(config.mail.templates);
  const stores = await openStores(base, signal);
  const { truth } = stores;
  await warnOfRoles(base, truth);
  const checks = await assembleChecks(base, stores);

  const refusals = createRefusalRecorder({ audit: truth.audit, metrics, clock, logger });
  teardown.add(() => refusals.close());
  teardown.add(every(REFUSALS_INTERVAL, () => refusals.tick()));

  const { refreshKeys: keys } = checks;
  const mail = assembleMail(base, { ...stores, keys, metrics, templates });
  const { record: recordRefusal } = refusals;
  const deps = {
    ...checks,
    ...mail,
    truth,
    hooks: createHookRunner(base.callbacks, logger),
    recordRefusal,
    revoker: createRevoker(truth, checks.confirm),
    passwords: createPasswords(config, metrics),
    isBreached: assembleBreachCheck(base),
    rateLimits: config.rateLimit
      ? createRateLimits({ ...config, ...checks.rateCounters, clock, recordRefusal })
      : unlimited,
    sign: createSigner(checks.keys),
    readOwnClaims: createReadOwnClaims(base.callbacks, logger),
    generateKey: createKeyGenerator(stores.seal),
    generateRefreshKey: createRefreshKeyGenerator(stores.seal),
    clock,
    settings: { ...config, notices: config.mail.notices },
  };
  const actions = createActions(deps);
  teardown.add(tellRevoked(checks.announcements, base.callbacks));
  startBackgroundWork(base, stores, checks);
  settleLease(base, stores);
  return {
    ...base,
    ...checks,
    introspectionSecret: await introspectionSecretOf(config),
    revocationSecret: config.revocationSecret,
    truth,
    actions,
    // Nobody limits the application's own code.
    api: createApi(createActions({ ...deps, rateLimits: unlimited })),
    sql: createSql(stores.dataSource),
    recordRefusal,
    exposeMetrics: createExposeMetrics(base, stores, checks.source, mail, checks.followers),
    door: createFollowersDoor({ ...config, followers: checks.followers, clock, logger, metrics }),
    readiness: createReadiness({
      postgres: truth,
      source: checks.source,
      hasPendingMigrations: () => hasPendingMigrations(stores.dataSource),
      clockWatch: stores.clockWatch,
      clock,
    }),
  };
}

/** What a running service consists of. */
export type Service = Awaited<ReturnType<typeof openService>>;
