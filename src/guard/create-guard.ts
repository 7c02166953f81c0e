import { setTimeout as sleep } from 'node:timers/promises';
import { createAttachments } from './attachments';
import { type Clock, systemClock } from '../core/clock';
import { FOLLOW_PROTOCOL, LARGEST_FROM_NODE } from '../core/follow-messages';
import type { Logger } from '../core/ports/logger';
import { noMetrics } from '../core/ports/metrics';
import { NO_VIEW, type Source } from '../core/ports/source';
import type { LearnedRevocation } from '../core/revocation';
import type { Shape } from '../core/shape';
import { Follower } from './follow/follower';
import { assembleGuard, type Guard } from './guard';
import { checkGuardOptions, type GuardOptions, GuardOptionsError } from './guard-options';
import { checkedClock, harmlessLogger, harmlessMetrics } from './handed-in';
import { createHttpClient, type HttpClient } from '../http-client/http-client';
import { openWebSocket } from '../http-client/web-socket';
import { createIntrospection } from './introspection';
import { createLearning } from './learning';
import { type GuardSources, readGuardOptions } from './read-options';
import { isRedisInstalled } from '../redis/driver';
import { createAnnouncements, type Listener } from '../revocation/announcements';
import { createCheck } from '../revocation/check';
import { createFixedKeys, createJwksKeys } from '../tokens/jwks-keys';
import { createVerifier } from '../tokens/verify';

/** The state of a guard, for a health endpoint. */
export interface GuardStatus {
  /** `current`: checks do no I/O. `off`: disabled by the options. With two views, one that is current is enough. */
  readonly view: 'current' | 'not current' | 'off';
  /** Whether a node of the auth server is followed, and answers. */
  readonly node: 'reached' | 'away' | 'off';
  /** Whether the auth server's Redis was reached recently. */
  readonly redis: 'reached' | 'away' | 'off';
  /** The number of users, tokens, sessions and keys in the view. */
  readonly viewSize: number;
  /** The number of signing keys known. */
  readonly keys: number;
}

/** The guard of a service, as `createGuard` returns it. */
export interface ServiceGuard<S extends Shape = Shape> extends Guard<S> {
  status(): GuardStatus;
  /**
   * Calls `listener` once for each revocation that this process learns. Needs a view. Returns a function to stop.
   *
   * `userId` of a token or a session, `id` and `revokedAt` are missing in what a service learns only when it joins a node:
   * the node's view holds only the names of what is revoked.
   */
  onRevocation(listener: Listener<LearnedRevocation>): () => void;
  /** Stops the guard and closes its connections. */
  close(): Promise<void>;
}

/** The default of `viewLimit`. */
const VIEW_LIMIT = 2_000_000;

/** ms that `createGuard` waits in all: for the keys, for a node or Redis, and for the view. */
const START_PATIENCE = 2000;

interface Parts {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Creates the source that is asked when neither a view nor Redis can tell. */
function createFallback({ introspection }: GuardSources, { logger, ...parts }: Parts): Source | undefined {
  if (!introspection) return undefined;
  const { rememberFor } = introspection;
  if (rememberFor > 0)
    logger.warn(
      { rememberFor },
      'Answers of introspection are reused for rememberFor ms. A logout may take as long to reach this service.',
    );
  return createIntrospection({ ...introspection, ...parts });
}

type ToFollow = Omit<ConstructorParameters<typeof Follower>[0], 'connect'>;

/** Creates what follows a node. */
function createFollower({ node }: GuardSources, options: ToFollow): Follower | undefined {
  if (!node) return undefined;
  const { url, secret } = node;
  const headers = { authorization: `Bearer ${secret}` };
  const target = { url, headers, protocol: FOLLOW_PROTOCOL, longestMessage: LARGEST_FROM_NODE };
  return new Follower({ ...options, connect: (listener) => openWebSocket(target, listener) });
}

/**
 * Creates the guard of a service, which checks the access tokens of an auth server.
 *
 * Resolves as soon as it can check tokens. If the auth server or Redis cannot be reached, it resolves after about two
 * seconds and keeps trying. Tokens that it cannot check meanwhile are answered `SERVICE_UNAVAILABLE`, never accepted.
 *
 * @throws GuardOptionsError for invalid options; nothing else
 * @example
 * const guard = await createGuard({
 *   issuer: 'https://auth.example.com',
 *   audience: 'https://api.example.com',
 *   secret: process.env.INTROSPECTION_SECRET,
 * });
 */
export async function createGuard<S extends Shape = Shape>(options: GuardOptions): Promise<ServiceGuard<S>> {
  checkGuardOptions(options);
  const { issuer, audience, redis, clockSkew = 5000, viewLimit = VIEW_LIMIT } = options;
  if (redis !== undefined && !isRedisInstalled())
    throw new GuardOptionsError([
      'redis needs the package ioredis, which is not installed: npm install ioredis',
    ]);
  const sources = readGuardOptions(options);
  const { jwks, usesRedisView } = sources;
  const clock = options.clock ? checkedClock(options.clock) : systemClock;
  const logger = harmlessLogger(options.logger);
  const metrics = harmlessMetrics(options.metrics ?? noMetrics);
  const parts = { clock, clockSkew, logger, metrics, http: createHttpClient() };

  const keys = typeof jwks === 'string' ? createJwksKeys({ url: jwks, ...parts }) : createFixedKeys(jwks);
  const firstReading = keys.reload();
  const announcements = createAnnouncements<LearnedRevocation>(logger);
  const learnInto = createLearning(keys, (entry, isNew) => announcements.announce(entry, isNew));
  const views = { ...parts, viewLimit, learnInto };
  const follower = createFollower(sources, { ...views, onDatabase: () => void keys.reload() });
  const introspection = createFallback(sources, parts);
  const elsewhere = [follower, introspection].filter((source) => source !== undefined);
  const checkElsewhere = createCheck({ sources: elsewhere, ...parts });
  const more = { keys, follower, introspection, checkElsewhere, usesView: usesRedisView };
  const attachments = redis === undefined ? undefined : createAttachments({ redis, ...more, ...views });
  const state = () => attachments?.state() ?? NO_VIEW.state;
  const isCurrent = () => follower?.isCurrent === true || state().isCurrent;
  const verify = createVerifier({ keys, issuer, audience, clock, clockSkew });
  const guard = assembleGuard<S>(verify, attachments?.check ?? checkElsewhere, parts);
  const close = async () => {
    await follower?.close();
    await attachments?.close();
    keys.stop();
    await parts.http.close();
  };

  // By the system clock: a clock passed in by tests may stand still.
  const deadline = performance.now() + START_PATIENCE;
  const timeIsUp = sleep(START_PATIENCE, undefined, { ref: false });
  if (!attachments) follower?.open();
  await Promise.race([firstReading, timeIsUp]);
  attachments?.sync();
  // After the views of Redis are there: what the node brings is then announced once.
  if (attachments) follower?.open();
  await Promise.race([attachments?.tried(), timeIsUp]);
  const refusal = attachments?.refusal();
  if (refusal !== undefined) {
    await close();
    throw new GuardOptionsError([`redis has a database that Redis refuses: ${refusal}.`]);
  }
  const mayCome = () => usesRedisView || follower?.isRefused === false;
  while (mayCome() && !isCurrent() && performance.now() < deadline) await sleep(20);

  return {
    authenticate: (authorization) => guard.authenticate(authorization),
    status() {
      const { reachesRedis, size } = state();
      const view = isCurrent() ? 'current' : 'not current';
      return {
        view: follower || usesRedisView ? view : 'off',
        node: follower ? reachedOr(follower.reachesNode) : 'off',
        redis: attachments ? reachedOr(reachesRedis === true) : 'off',
        viewSize: Math.max(size, follower?.size ?? 0),
        keys: keys.ids.length,
      };
    },
    onRevocation: (listener) => announcements.subscribe(listener),
    close,
  };
}

const reachedOr = (isReached: boolean) => (isReached ? 'reached' : 'away');
