import type { Config } from '../config/config';
import { createAvailability } from '../core/availability';
import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import type { Records } from '../core/ports/records';
import { NO_VIEW, type ViewSource } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';
import { StartError } from '../core/start-error';
import type { PreparedDatabase } from './database';
import { createConfirm, type Confirm } from '../protocol/confirm';
import { createEmbeddedSource } from '../protocol/embedded';
import { isNew } from '../protocol/is-new';
import { outlasting } from '../protocol/lease';
import { startPoll } from '../protocol/poll';
import { type Publish, createPublish } from '../protocol/publish';
import { createRecordsGate, type RecordsGate } from '../protocol/records-gate';
import { startRelay } from '../protocol/relay';
import { View } from '../protocol/view';
import { openRedisLink } from '../redis/link';
import type { RedisConnection } from '../redis/client';
import { keysOf } from '../redis/keys';
import { type Announcements, createAnnouncements } from '../revocation/announcements';
import { type Check, createCheck } from '../revocation/check';
import { createRecordsSource } from '../revocation/records-source';
import { type CheckThoroughly, createThoroughCheck } from '../revocation/thorough-check';
import { createTruthSource } from '../revocation/truth-source';
import type { Teardown } from './teardown';

export interface RevocationsOptions {
  readonly config: Config;
  readonly database: PreparedDatabase;
  readonly truth: Truth;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly teardown: Teardown;
}

/** How this process learns of revocations, checks tokens against them, and publishes its own. */
export interface Revocations {
  readonly check: Check;
  readonly checkThoroughly: CheckThoroughly;
  readonly confirm: Confirm;
  readonly announcements: Announcements;
  readonly source: Pick<ViewSource, 'state' | 'readableEpoch'>;
  /** Where all nodes together count attempts, if there is a Redis. */
  readonly rateCounters: { readonly redis?: RedisConnection; readonly prefix: string };
}

/** ms between two sweeps of the view. */
const SWEEP_INTERVAL = 30_000;

/** Names that the view holds where no check uses it: it only keeps a revocation from being announced twice. */
const REMEMBERED_NAMES = 100_000;

interface Wiring {
  /** Only with a view or with Redis. */
  readonly source?: ViewSource;
  readonly publish?: Publish;
  readonly records?: Records;
  readonly gate?: RecordsGate;
  readonly redis?: RedisConnection;
}

interface ViewToFill {
  readonly view: View;
  readonly take: (entry: LoggedRevocation) => void;
}

async function wireRedis(
  options: RevocationsOptions,
  redisUrl: string,
  { view, take }: ViewToFill,
): Promise<Wiring> {
  const { config, database, truth, clock, logger, metrics, teardown } = options;
  const link = openRedisLink({
    source: redisUrl,
    follows: true,
    availability: createAvailability(logger, 'Redis', 'Tokens are checked in Postgres until it is back.'),
    clock,
  });
  teardown.add(() => link.close());
  const lease = config.revocationLease;
  const fleet = link.to(database.databaseId, { lease, replicas: config.waitReplicas });
  const gate = createRecordsGate();
  const publish = createPublish({
    stream: fleet.stream,
    epoch: fleet.epoch,
    wait: outlasting(lease),
    clock,
  });
  // So the first request can use Redis, if it is there.
  await link.tried;
  if (link.refusal !== undefined)
    throw new StartError(
      `Redis refuses the database in REDIS_URL: ${link.refusal}. Check the number at the end of the URL.`,
    );
  const source = fleet.join({
    log: truth.log,
    view,
    usesView: config.viewLimit > 0,
    take,
    gate,
    logger,
    lease,
    tokenTtl: database.longestTokenTtl,
  });
  teardown.add(() => source.stop());
  teardown.add(startRelay({ truth, publish, source, gate, metrics, logger }));
  return { source, publish, records: fleet.records, gate, redis: link.forReads };
}

async function wire(options: RevocationsOptions, viewToFill: ViewToFill): Promise<Wiring> {
  const { config, database, truth, logger, teardown } = options;
  const { store } = config;
  if (store.mode === 'servers' && store.redisUrl !== undefined)
    return wireRedis(options, store.redisUrl, viewToFill);
  if (store.mode === 'servers' || config.viewLimit === 0) return {};
  const source = await createEmbeddedSource({
    log: truth.log,
    ...viewToFill,
    logger,
    tokenTtl: database.longestTokenTtl,
  });
  teardown.add(() => source.stop());
  return { source };
}

export async function assembleRevocations(options: RevocationsOptions): Promise<Revocations> {
  const { config, database, truth, clock, logger, metrics, teardown } = options;
  const usesView = config.viewLimit > 0;
  const view = new View(usesView ? config.viewLimit : REMEMBERED_NAMES, () => clock.now());
  const { clockSkew } = config;
  const announcements = createAnnouncements(logger);
  const take = (entry: LoggedRevocation) => {
    if (view.apply(entry)) announcements.announce(entry, isNew(entry, view, clockSkew));
  };

  const { source, publish, records, gate, redis } = await wire(options, { view, take });
  const isUsed = usesView && source !== undefined;
  const sweep = () => {
    view.sweep();
    // Clearing it may announce a revocation twice, no worse. A view that checks use is cleared by its source only.
    if (view.isOverfull && !isUsed) view.clear();
    return Promise.resolve();
  };
  teardown.add(every(SWEEP_INTERVAL, sweep));
  const isNeeded = () => !source?.state.isCurrent;
  teardown.add(startPoll({ log: truth.log, take, isNeeded, clock, logger }));

  const fromTruth = createTruthSource({ truth, records });
  const fromRecords = source && records && createRecordsSource({ records, epochs: source, gate });
  const sources = [source, fromRecords, fromTruth].filter((each) => each !== undefined);
  return {
    check: createCheck({ sources, clock, clockSkew, metrics }),
    checkThoroughly: createThoroughCheck({
      records: fromRecords,
      truth: fromTruth,
      sessions: truth.sessions,
      clock,
      clockSkew,
    }),
    confirm: createConfirm({
      publish,
      take,
      log: truth.log,
      metrics,
      patience: 2 * config.revocationLease + 1000,
    }),
    announcements,
    source: source ?? NO_VIEW,
    rateCounters: { redis, prefix: keysOf(database.databaseId).rateLimits },
  };
}
