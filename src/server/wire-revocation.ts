import type { Config } from '../config/config';
import { createAvailability } from '../core/availability';
import type { Metrics } from '../core/ports/metrics';
import { NO_VIEW } from '../core/ports/source';
import type { Truth } from '../core/ports/truth';
import type { LoggedRevocation } from '../core/revocation';
import { every } from '../core/loop';
import { StartError } from '../core/start-error';
import type { Base, PreparedDatabase } from './database';
import { createConfirm } from '../protocol/confirm';
import { createEmbeddedSource } from '../protocol/embedded';
import { EmbeddedFollowing } from '../protocol/embedded-following';
import type { FollowersOfView } from '../protocol/followers';
import { isNew } from '../protocol/is-new';
import { outlasting } from '../protocol/lease';
import { NodeFollowers } from '../protocol/node-followers';
import { startPoll } from '../protocol/poll';
import { createPublish } from '../protocol/publish';
import { createRecordsGate } from '../protocol/records-gate';
import { startRelay } from '../protocol/relay';
import { type Change, View } from '../protocol/view';
import { openRedisLink } from '../redis/link';
import { keysOf } from '../redis/keys';
import { createAnnouncements } from '../revocation/announcements';
import { createCheck } from '../revocation/check';
import { createRecordsSource } from '../revocation/records-source';
import { createThoroughCheck } from '../revocation/thorough-check';
import { createTruthSource } from '../revocation/truth-source';

export interface RevocationsOptions extends Base {
  readonly database: PreparedDatabase;
  readonly truth: Truth;
  readonly metrics: Metrics;
}

/** ms between two sweeps of the view. */
const SWEEP_INTERVAL = 30_000;

/** Names that the view holds where no check uses it: it only keeps a revocation from being announced twice. */
const REMEMBERED_NAMES = 100_000;

/** Says that Redis refuses the database number of REDIS_URL, to the start and the doctor. */
export const refusedDatabase = (reason: string): string =>
  `Redis refuses the database in REDIS_URL: ${reason}. Check the number at the end of the URL.`;

interface ViewToFill {
  readonly view: View;
  /** Takes a revocation of the stream. The reader of the stream hands it to the followers, with its position. */
  readonly takeRead: (entry: LoggedRevocation) => Change;
  /** Takes any other revocation, and hands it to the followers. */
  readonly take: (entry: LoggedRevocation) => void;
  /** The services that follow this node; `undefined` where no check uses the view. */
  readonly followers: FollowersOfView | undefined;
  /** What they need in the embedded mode. */
  readonly following: EmbeddedFollowing | undefined;
}

async function wireRedis(options: RevocationsOptions, redisUrl: string, viewToFill: ViewToFill) {
  const { view, take, takeRead, followers } = viewToFill;
  const { config, database, truth, clock, logger, metrics, teardown } = options;
  const lease = config.revocationLease;
  const link = openRedisLink({
    source: redisUrl,
    databaseId: database.databaseId,
    follows: true,
    availability: createAvailability(logger, 'Redis', 'Tokens are checked in Postgres until it is back.'),
    clock,
    lease,
    replicas: config.waitReplicas,
  });
  teardown.add(() => link.close());
  const gate = createRecordsGate();
  const { stream, epoch, records } = link;
  const publish = createPublish({ stream, epoch, wait: outlasting(lease), clock });
  // So the first request can use Redis, if it is there.
  await link.tried;
  const { refusal } = link.forReads;
  if (refusal !== undefined) throw new StartError(refusedDatabase(refusal));
  const source = link.startHeartbeat({
    log: truth.log,
    view,
    usesView: config.viewLimit > 0,
    take: takeRead,
    takeEarly: take,
    followers,
    gate,
    logger,
    lease,
    tokenTtl: database.longestTokenTtl,
  });
  teardown.add(() => source.stop());
  teardown.add(startRelay({ truth, publish, source, gate, metrics, logger }));
  return { source, publish, records, gate, redis: link.forReads };
}

/** A source exists only with a view or with Redis, and the rest only with Redis. */
type Wiring = Partial<Awaited<ReturnType<typeof wireRedis>>>;

async function wire(options: RevocationsOptions, viewToFill: ViewToFill): Promise<Wiring> {
  const { config, database, truth, logger, teardown } = options;
  const { redisUrl } = config.store;
  if (redisUrl !== undefined) return wireRedis(options, redisUrl, viewToFill);
  if (!isFollowed(config)) return {};
  const source = await createEmbeddedSource({
    log: truth.log,
    ...viewToFill,
    logger,
    tokenTtl: database.longestTokenTtl,
  });
  teardown.add(() => source.stop());
  return { source };
}

/** Several nodes without Redis have no view, since none of them knows of the others. */
const isFollowed = ({ store, viewLimit }: Config) =>
  viewLimit > 0 && (store.mode === 'embedded' || store.redisUrl !== undefined);

function wireFollowers({ config, database, clock }: RevocationsOptions, view: View) {
  if (!isFollowed(config)) return {};
  const { databaseId, longestTokenTtl: tokenTtl, longestLease, isNew } = database;
  const lease = config.revocationLease;
  const followers = new NodeFollowers({ databaseId, lease, view, clock });
  if (config.store.mode === 'servers') return { followers };
  // Without a token there was no follower.
  const settleTime = isNew ? 0 : outlasting(longestLease);
  const following = new EmbeddedFollowing({ followers, clock, lease, tokenTtl, settleTime });
  return { followers, following };
}

/** What is written to the log of a process without copies is confirmed there from the beginning. */
const unmarked = (log: Truth['log']) => ({
  areConfirmed: (ids: readonly string[]) => log.areConfirmed(ids),
  markConfirmed: () => Promise.resolve(),
});

/**
 * Puts together how this process learns of revocations, checks tokens against them, and publishes its own.
 *
 * @returns in `rateCounters` where all nodes together count attempts, if there is a Redis
 */
export async function assembleRevocations(options: RevocationsOptions) {
  const { config, database, truth, clock, logger, metrics, teardown } = options;
  const { clockSkew, viewLimit, revocationLease } = config;
  const { log, sessions } = truth;
  const view = new View(viewLimit || REMEMBERED_NAMES, () => clock.now());
  const announcements = createAnnouncements(logger);
  const { followers, following } = wireFollowers(options, view);
  const takeRead = (entry: LoggedRevocation) => {
    const change = view.takeIn(entry);
    if (change === 'new') announcements.announce(entry, isNew(entry, view, clockSkew));
    return change;
  };
  const take = (entry: LoggedRevocation) => {
    // What the view has no room for, a follower may lack too.
    if (takeRead(entry) !== 'nothing') (following ?? followers)?.took(entry);
  };

  const viewToFill = { view, take, takeRead, followers, following };
  const { source, publish, records, gate, redis } = await wire(options, viewToFill);
  const isUsed = viewLimit > 0 && source !== undefined;
  const sweep = () => {
    view.sweep();
    // Clearing it may announce a revocation twice, no worse. A view that checks use is cleared by its source only.
    if (view.isOverfull && !isUsed) view.clear();
  };
  teardown.add(every(SWEEP_INTERVAL, sweep));
  const isNeeded = () => !source?.state.isCurrent;
  teardown.add(startPoll({ log, take, isNeeded, clock, logger }));

  const fromTruth = createTruthSource({ truth, records });
  const fromRecords = source && records && createRecordsSource({ records, epochs: source, gate });
  const sources = [source, fromRecords, fromTruth].filter((each) => each !== undefined);
  const forThorough = { records: fromRecords, truth: fromTruth, sessions, clock, clockSkew };
  return {
    check: createCheck({ sources, clock, clockSkew, metrics }),
    checkThoroughly: createThoroughCheck(forThorough),
    confirm: createConfirm({
      publish: publish ?? (following && (() => following.publish())),
      take,
      log: publish ? log : unmarked(log),
      metrics,
      patience: 2 * revocationLease + 1000,
    }),
    announcements,
    source: source ?? NO_VIEW,
    followers,
    rateCounters: { redis, prefix: keysOf(database.databaseId).rateLimits },
  };
}
