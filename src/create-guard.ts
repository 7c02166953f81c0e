import { setTimeout as sleep } from 'node:timers/promises';
import { createAvailability } from './core/availability';
import { systemClock } from './core/clock';
import { isUnavailable } from './core/errors';
import type { Logger } from './core/ports/logger';
import { noMetrics } from './core/ports/metrics';
import type { Records } from './core/ports/records';
import type { LoggedRevocation } from './core/revocation';
import { every } from './core/schedule';
import { assembleGuard, type Guard } from './guard/guard';
import { checkGuardOptions, type GuardOptions, GuardOptionsError } from './guard/guard-options';
import { createHttpClient } from './http-client/http-client';
import { createIntrospection } from './introspection/introspection-client';
import type { RedisSource } from './redis/client';
import { findDatabase } from './redis/database-pointer';
import { openRedisLink } from './redis-link';
import { createAnnouncements, type Listener } from './revocation/announcements';
import { createCheck } from './revocation/check';
import type { Feed } from './revocation/feed';
import { noFeed } from './revocation/in-process-feed';
import { isNews } from './revocation/news';
import { createProbingFeed } from './revocation/probing-feed';
import { createView, type View } from './revocation/view';
import { createFixedKeys, createJwksKeys, type JwksKeys, type JwkSet, readJwkSet } from './tokens/jwks-keys';
import { createVerifier } from './tokens/verify';

/** How a guard does, for a health endpoint. */
export interface GuardStatus {
  /** `current`: checks cost no I/O. `off`: it was not asked for. */
  readonly view: 'current' | 'not current' | 'off';
  /** Whether the Redis of the auth server's nodes was reached lately. */
  readonly redis: 'reached' | 'away' | 'off';
  /** Users, tokens, sessions and keys that the view names. */
  readonly viewSize: number;
  /** Signing keys that are known. */
  readonly keys: number;
}

/** What a service checks tokens with. */
export interface ServiceGuard extends Guard {
  status(): GuardStatus;
  /** Told of each revocation that this process learns of, once; needs the view. Answers the function that ends it. */
  onRevocation(listener: Listener): () => void;
  /** Leaves the fleet and closes what was opened. */
  close(): Promise<void>;
}

/** Names that the view holds at most, if nothing else is said. */
const VIEW_LIMIT = 2_000_000;

/** ms that the first request may have to wait for a view that is about to be current. */
const START_PATIENCE = 2000;

/** ms for which "active" is believed, where introspection is all that there is. */
const REMEMBER_FOR = 5000;

/** ms that introspection may take. */
const INTROSPECTION_TIMEOUT = 3000;

/** ms between two attempts to find the stream, and between two looks whether it is still the one. */
const SEARCH_INTERVAL = 500;
const RECHECK_INTERVAL = 60_000;

const SWEEP_INTERVAL = 30_000;

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** What is attached to once it is known which database the keys belong to. */
interface Attachment {
  readonly databaseId: string;
  readonly feed: Feed;
  readonly records: Records;
}

/** A delegate that goes on answering while what it stands for comes and goes. */
function standIn(feedNow: () => Feed): Feed {
  return {
    lookUp: (token) => feedNow().lookUp(token),
    hearsay: (token) => feedNow().hearsay(token),
    get readableEpoch() {
      return feedNow().readableEpoch;
    },
    reach: async () => feedNow().reach?.(),
    get state() {
      return feedNow().state;
    },
    stop: () => feedNow().stop(),
  };
}

function attachTo(
  options: GuardOptions,
  redis: RedisSource,
  keys: Pick<JwksKeys, 'ids' | 'databaseId'>,
  take: (entry: LoggedRevocation) => void,
  view: View,
) {
  const { clock = systemClock, logger = SILENT } = options;
  const usesView = options.view ?? true;
  const redisLink = openRedisLink({
    source: redis,
    follows: usesView,
    availability: createAvailability(
      logger,
      'Redis',
      'Tokens are checked by introspection until it is back, or refused.',
    ),
    clock,
  });

  let attached: Attachment | undefined;
  const attach = (databaseId: string): Attachment => {
    const fleet = redisLink.to(databaseId);
    const feed = usesView
      ? fleet.join({ view, usesView, take, logger, tokenTtl: 0 })
      : createProbingFeed(fleet.stream, fleet.epoch, clock);
    return { databaseId, feed, records: fleet.records };
  };

  /** Which database it is may change: after a restored backup, all that was said before counts no more. */
  const search = async () => {
    try {
      const databaseId = await findDatabase(redisLink.forReads, keys.ids).catch((error: unknown) => {
        // On a cluster it lies with another server than the rest. The key set tells as well, if not as soon.
        if (isUnavailable(error) && keys.databaseId !== undefined) return keys.databaseId;
        throw error;
      });
      if (databaseId === undefined || databaseId === attached?.databaseId) return;
      const before = attached;
      await before?.feed.stop();
      if (before) view.startOver();
      attached = attach(databaseId);
    } catch (error) {
      if (!isUnavailable(error))
        logger.error({ err: error }, 'The stream of revocations could not be found.');
    }
  };
  let sinceSearch = Infinity;
  const stopSearching = every(
    SEARCH_INTERVAL,
    async () => {
      sinceSearch += SEARCH_INTERVAL;
      // One that follows the stream of a database that is no more is not current, and need not wait.
      const isWell = !usesView || attached?.feed.state.isCurrent;
      if (attached && isWell && sinceSearch < RECHECK_INTERVAL) return;
      sinceSearch = 0;
      await search();
    },
    0,
  );

  return {
    feed: () => attached?.feed ?? noFeed,
    records: () => attached?.records,
    tried: redisLink.tried,
    refusal: () => redisLink.refusal,
    async close() {
      await stopSearching();
      await attached?.feed.stop();
      redisLink.close();
    },
  };
}

/**
 * Makes the guard of a service that takes the access tokens of an auth server. Resolves when it is of use, or after two
 * seconds: what is away then is looked for until it is found, and tokens that cannot be checked are answered by
 * `SERVICE_UNAVAILABLE` meanwhile, never accepted.
 *
 * Throws `GuardOptionsError`, and nothing else, for options that will not do.
 */
export async function createGuard(options: GuardOptions): Promise<ServiceGuard> {
  checkGuardOptions(options, (given) => readJwkSet(given).size);
  const { issuer, audience, jwks, redis, introspection, clock = systemClock } = options;
  const { logger = SILENT, metrics = noMetrics, clockSkew = 5000, viewLimit = VIEW_LIMIT } = options;

  const http = createHttpClient();
  const keys =
    typeof jwks === 'string'
      ? createJwksKeys({ url: jwks, http, clock, logger })
      : createFixedKeys(jwks as JwkSet);
  const firstReading = keys.reload().catch(() => undefined);

  const view = createView(viewLimit, () => clock.now());
  const announcements = createAnnouncements(logger);
  const take = (entry: LoggedRevocation) => {
    if (!view.apply(entry)) return;
    // A revoked key is to be gone at once, not with the next reading, and before anybody hears of it and asks.
    if (entry.kind === 'KEY') {
      keys.revoke(entry.keyId);
      void keys.reload().catch(() => undefined);
    }
    announcements.announce(entry, isNews(entry, view, clockSkew));
  };
  const stopSweeping = every(SWEEP_INTERVAL, () => {
    view.sweep();
    return Promise.resolve();
  });

  const link = redis === undefined ? undefined : attachTo(options, redis, keys, take, view);
  const feed = standIn(() => link?.feed() ?? noFeed);
  // Beside Redis it is asked only while Redis cannot be: what was confirmed as revoked must not wait then.
  const rememberFor = introspection?.rememberFor ?? (link ? 0 : REMEMBER_FOR);
  if (introspection && rememberFor > 0)
    logger.warn(
      { rememberFor },
      'What introspection called active is believed for a while: a logout may take as long here.',
    );
  const guard = assembleGuard(
    createVerifier({ keys, issuer, audience, clock, clockSkew }),
    createCheck({
      feed,
      copies: link && {
        records: {
          read: (epochId, token) => {
            const records = link.records();
            if (!records) throw new Error('A record was to be read before it was known where.');
            return records.read(epochId, token);
          },
        },
        trust: { lose: () => undefined },
      },
      lastResort:
        introspection &&
        createIntrospection({
          url: introspection.url,
          secret: introspection.secret,
          rememberFor,
          timeout: INTROSPECTION_TIMEOUT,
          http,
          clock,
        }),
      clock,
      clockSkew,
      metrics,
    }),
  );
  const usesView = link !== undefined && (options.view ?? true);
  // By the real clock: one that was given for tests may stand still.
  const deadline = performance.now() + START_PATIENCE;
  await Promise.race([firstReading, sleep(START_PATIENCE, undefined, { ref: false })]);
  const close = async () => {
    await stopSweeping();
    await link?.close();
    keys.stop();
    await http.close();
  };
  if (link) await Promise.race([link.tried, sleep(START_PATIENCE, undefined, { ref: false })]);
  const refusal = link?.refusal();
  if (refusal !== undefined) {
    await close();
    throw new GuardOptionsError([`redis names a database that Redis refuses: ${refusal}.`]);
  }
  while (usesView && !feed.state.isCurrent && performance.now() < deadline) await sleep(20);

  return {
    authenticate: (authorization) => guard.authenticate(authorization),
    status: () => ({
      view: usesView ? (feed.state.isCurrent ? 'current' : 'not current') : 'off',
      redis: link ? (feed.state.reachesRedis ? 'reached' : 'away') : 'off',
      viewSize: feed.state.size,
      keys: keys.ids.length,
    }),
    onRevocation: (listener) => announcements.subscribe(listener),
    close,
  };
}
