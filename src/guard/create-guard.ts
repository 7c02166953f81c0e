import { setTimeout as sleep } from 'node:timers/promises';
import { createAttachments } from './attachments';
import { type Clock, systemClock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import { noMetrics } from '../core/ports/metrics';
import { NO_VIEW, type Source } from '../core/ports/source';
import type { Shape } from '../core/shape';
import { assembleGuard, type Guard } from './guard';
import { checkGuardOptions, type GuardOptions, GuardOptionsError } from './guard-options';
import { checkedClock, harmlessLogger, harmlessMetrics } from './handed-in';
import { createHttpClient, type HttpClient } from '../http-client/http-client';
import { createIntrospection } from './introspection';
import { createAnnouncements, type Listener } from '../revocation/announcements';
import { createCheck } from '../revocation/check';
import { createFixedKeys, createJwksKeys } from '../tokens/jwks-keys';
import { createVerifier } from '../tokens/verify';

/** The state of a guard, for a health endpoint. */
export interface GuardStatus {
  /** `current`: checks do no I/O. `off`: disabled by the options. */
  readonly view: 'current' | 'not current' | 'off';
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
  /** Calls `listener` once for each revocation that this process learns. Needs the view. Returns a function to stop. */
  onRevocation(listener: Listener): () => void;
  /** Stops the guard and closes its connections. */
  close(): Promise<void>;
}

/** The default of `viewLimit`. */
const VIEW_LIMIT = 2_000_000;

/** ms that `createGuard` waits in all: for the keys, for Redis and for the view. */
const START_PATIENCE = 2000;

/** The default of `introspection.rememberFor` without Redis, in ms. */
const REMEMBER_FOR = 5000;

/** Creates the source that is asked when neither the view nor Redis can tell. */
function createFallback(
  { introspection, redis }: GuardOptions,
  { logger, ...parts }: { readonly http: HttpClient; readonly clock: Clock; readonly logger: Logger },
): Source | undefined {
  if (!introspection) return undefined;
  // With Redis, introspection is asked only while Redis is away. A confirmed revocation must hold then too.
  const { rememberFor = redis === undefined ? REMEMBER_FOR : 0 } = introspection;
  if (rememberFor > 0)
    logger.warn(
      { rememberFor },
      'Answers of introspection are reused for rememberFor ms. A logout may take as long to reach this service.',
    );
  return createIntrospection({ ...introspection, rememberFor, ...parts });
}

/**
 * Creates the guard of a service, which checks the access tokens of an auth server.
 *
 * Resolves as soon as it can check tokens. If the key set or Redis cannot be reached, it resolves after about two
 * seconds and keeps trying. Tokens that it cannot check meanwhile are answered `SERVICE_UNAVAILABLE`, never accepted.
 *
 * @throws GuardOptionsError for invalid options; nothing else
 * @example
 * const guard = await createGuard({
 *   issuer: 'https://auth.example.com',
 *   audience: 'https://api.example.com',
 *   jwks: 'https://auth.example.com/.well-known/jwks.json',
 *   redis: process.env.REDIS_URL,
 * });
 */
export async function createGuard<S extends Shape = Shape>(options: GuardOptions): Promise<ServiceGuard<S>> {
  checkGuardOptions(options);
  const { issuer, audience, jwks, redis, clockSkew = 5000, viewLimit = VIEW_LIMIT } = options;
  const clock = options.clock ? checkedClock(options.clock) : systemClock;
  const logger = harmlessLogger(options.logger);
  const metrics = harmlessMetrics(options.metrics ?? noMetrics);
  const parts = { clock, clockSkew, logger, metrics, http: createHttpClient() };

  const keys = typeof jwks === 'string' ? createJwksKeys({ url: jwks, ...parts }) : createFixedKeys(jwks);
  const firstReading = keys.reload();
  const announcements = createAnnouncements(logger);
  const usesView = redis !== undefined && (options.view ?? true);
  const introspection = createFallback(options, parts);
  const checkElsewhere = createCheck({ sources: introspection ? [introspection] : [], ...parts });
  const attachments =
    redis === undefined
      ? undefined
      : createAttachments({
          redis,
          keys,
          introspection,
          checkElsewhere,
          usesView,
          viewLimit,
          onRevocation: (entry, isNew) => announcements.announce(entry, isNew),
          ...parts,
        });
  const state = () => attachments?.state() ?? NO_VIEW.state;
  const verify = createVerifier({ keys, issuer, audience, clock, clockSkew });
  const guard = assembleGuard<S>(verify, attachments?.check ?? checkElsewhere, parts);
  const close = async () => {
    await attachments?.close();
    keys.stop();
    await parts.http.close();
  };

  // By the system clock: a clock passed in by tests may stand still.
  const deadline = performance.now() + START_PATIENCE;
  const timeIsUp = sleep(START_PATIENCE, undefined, { ref: false });
  await Promise.race([firstReading, timeIsUp]);
  attachments?.sync();
  await Promise.race([attachments?.tried(), timeIsUp]);
  const refusal = attachments?.refusal();
  if (refusal !== undefined) {
    await close();
    throw new GuardOptionsError([`redis has a database that Redis refuses: ${refusal}.`]);
  }
  while (usesView && !state().isCurrent && performance.now() < deadline) await sleep(20);

  return {
    authenticate: (authorization) => guard.authenticate(authorization),
    status() {
      const { isCurrent, reachesRedis, size } = state();
      const view = isCurrent ? 'current' : 'not current';
      const reached = reachesRedis ? 'reached' : 'away';
      return {
        view: usesView ? view : 'off',
        redis: attachments ? reached : 'off',
        viewSize: size,
        keys: keys.ids.length,
      };
    },
    onRevocation: (listener) => announcements.subscribe(listener),
    close,
  };
}
