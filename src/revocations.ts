import type { Config } from './config/config';
import { createAvailability } from './core/availability';
import type { Clock } from './core/clock';
import type { Logger } from './core/ports/logger';
import type { Metrics } from './core/ports/metrics';
import type { Records } from './core/ports/records';
import { type Feed, noFeed } from './core/ports/source';
import type { Truth } from './core/ports/truth';
import type { LoggedRevocation } from './core/revocation';
import { every } from './core/schedule';
import { StartError } from './core/start-error';
import type { PreparedDatabase } from './database';
import { createDelivery, type Deliver } from './protocol/confirm';
import { createInProcessFeed } from './protocol/embedded';
import { isNews } from './protocol/is-new';
import { outlasting } from './protocol/lease';
import { startLogPoll } from './protocol/poll';
import { type Carrier, createCarrier } from './protocol/publish';
import { createTrust, type Trust } from './protocol/records-gate';
import { startRelay } from './protocol/relay';
import { createView, type View } from './protocol/view';
import { openRedisLink } from './redis-link';
import type { RedisConnection } from './redis/client';
import { keysOf } from './redis/keys';
import { type Announcements, createAnnouncements } from './revocation/announcements';
import { type Check, createCheck } from './revocation/check';
import { type CheckThoroughly, createThoroughCheck } from './revocation/thorough-check';
import { askTruth } from './revocation/truth-source';
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

/** How this process learns of revocations, checks tokens against them, and carries its own to the others. */
export interface Revocations {
  readonly check: Check;
  readonly checkThoroughly: CheckThoroughly;
  readonly deliver: Deliver;
  readonly announcements: Announcements;
  readonly feed: Feed;
  /** For counting attempts, by all nodes together, if there is a Redis. */
  readonly limits: { readonly redis?: RedisConnection; readonly prefix: string };
}

/** ms between two clearings of what has expired. */
const SWEEP_INTERVAL = 30_000;

/** Names that are remembered where no view is relied on, so that nothing is announced twice. */
const REMEMBERED_NAMES = 100_000;

interface Wiring {
  readonly feed: Feed;
  readonly carrier?: Carrier;
  readonly copies?: { readonly records: Records; readonly trust: Trust };
  readonly redis?: RedisConnection;
}

interface Inlet {
  readonly view: View;
  readonly take: (entry: LoggedRevocation) => void;
}

async function wireRedis(
  options: RevocationsOptions,
  redisUrl: string,
  { view, take }: Inlet,
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
  const trust = createTrust();
  const carrier = createCarrier({
    stream: fleet.stream,
    epoch: fleet.epoch,
    wait: outlasting(lease),
    clock,
  });
  // So that the first request finds Redis in use, if it is there.
  await link.tried;
  if (link.refusal !== undefined)
    throw new StartError(
      `REDIS_URL names a database that Redis refuses: ${link.refusal}. Is its number right?`,
    );
  const feed = fleet.join({
    log: truth.log,
    view,
    usesView: config.viewLimit > 0,
    take,
    trust,
    logger,
    lease,
    tokenTtl: database.longestTokenTtl,
  });
  teardown.add(() => feed.stop());
  teardown.add(startRelay({ truth, carrier, feed, trust, metrics, logger }));
  return { feed, carrier, copies: { records: fleet.records, trust }, redis: link.forReads };
}

async function wire(options: RevocationsOptions, inlet: Inlet): Promise<Wiring> {
  const { config, database, truth, logger, teardown } = options;
  const { store } = config;
  if (store.mode === 'servers' && store.redisUrl !== undefined)
    return wireRedis(options, store.redisUrl, inlet);
  if (store.mode === 'servers' || config.viewLimit === 0) return { feed: noFeed };
  const feed = await createInProcessFeed({
    log: truth.log,
    ...inlet,
    logger,
    tokenTtl: database.longestTokenTtl,
  });
  teardown.add(() => feed.stop());
  return { feed };
}

export async function assembleRevocations(options: RevocationsOptions): Promise<Revocations> {
  const { config, database, truth, clock, logger, metrics, teardown } = options;
  const usesView = config.viewLimit > 0;
  const view = createView(usesView ? config.viewLimit : REMEMBERED_NAMES, () => clock.now());
  const { clockSkew } = config;
  const announcements = createAnnouncements(logger);
  const take = (entry: LoggedRevocation) => {
    if (view.apply(entry)) announcements.announce(entry, isNews(entry, view, clockSkew));
  };

  const { feed, carrier, copies, redis } = await wire(options, { view, take });
  const isReliedOn = usesView && feed !== noFeed;
  const sweep = () => {
    view.sweep();
    // What was forgotten would at worst be announced again. A view that is relied on is its feed's alone to clear.
    if (view.isOverfull && !isReliedOn) view.clear();
    return Promise.resolve();
  };
  teardown.add(every(SWEEP_INTERVAL, sweep));
  const isNeeded = () => !feed.state.isCurrent;
  teardown.add(startLogPoll({ log: truth.log, take, isNeeded, clock, logger }));

  const lastResort = askTruth({ truth, records: copies?.records, clock, clockSkew });
  const sources = { feed, copies, lastResort, clock, clockSkew };
  return {
    check: createCheck({ ...sources, metrics }),
    checkThoroughly: createThoroughCheck({ ...sources, sessions: truth.sessions }),
    deliver: createDelivery({
      carrier,
      take,
      log: truth.log,
      metrics,
      patience: 2 * config.revocationLease + 1000,
    }),
    announcements,
    feed,
    limits: { redis, prefix: keysOf(database.databaseId).limits },
  };
}
