import { setTimeout as sleep } from 'node:timers/promises';
import { createAttachments } from './attachments';
import { systemClock } from './core/clock';
import type { Logger } from './core/ports/logger';
import { noMetrics } from './core/ports/metrics';
import { noFeed } from './core/ports/source';
import { assembleGuard, type Guard } from './guard/guard';
import { checkGuardOptions, type GuardOptions, GuardOptionsError } from './guard/guard-options';
import { checkedClock, harmlessLogger, harmlessMetrics } from './guard/handed-in';
import { createHttpClient } from './http-client/http-client';
import { createIntrospection } from './introspection/introspection-client';
import { createAnnouncements, type Listener } from './revocation/announcements';
import { createCheck } from './revocation/check';
import { createFixedKeys, createJwksKeys, type JwkSet, readJwkSet } from './tokens/jwks-keys';
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

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/**
 * Makes the guard of a service that takes the access tokens of an auth server. Resolves when it is of use, or after two
 * seconds: what is away then is looked for until it is found, and tokens that cannot be checked are answered by
 * `SERVICE_UNAVAILABLE` meanwhile, never accepted.
 *
 * Throws `GuardOptionsError`, and nothing else, for options that will not do.
 */
export async function createGuard(options: GuardOptions): Promise<ServiceGuard> {
  checkGuardOptions(options, (given) => readJwkSet(given).size);
  const { issuer, audience, jwks, redis, introspection, clockSkew = 5000, viewLimit = VIEW_LIMIT } = options;
  const clock = options.clock ? checkedClock(options.clock) : systemClock;
  const logger = harmlessLogger(options.logger ?? SILENT);
  const metrics = harmlessMetrics(options.metrics ?? noMetrics);

  const http = createHttpClient();
  const keys =
    typeof jwks === 'string'
      ? createJwksKeys({ url: jwks, http, clock, clockSkew, logger })
      : createFixedKeys(jwks as JwkSet);
  const firstReading = keys.reload().catch(() => undefined);

  const announcements = createAnnouncements(logger);
  const usesView = redis !== undefined && (options.view ?? true);
  // Beside Redis it is asked only while Redis cannot be: what was confirmed as revoked must not wait then.
  const rememberFor = introspection?.rememberFor ?? (redis === undefined ? REMEMBER_FOR : 0);
  if (introspection && rememberFor > 0)
    logger.warn(
      { rememberFor },
      'What introspection called active is believed for a while: a logout may take as long here.',
    );
  const lastResort =
    introspection &&
    createIntrospection({
      url: introspection.url,
      secret: introspection.secret,
      rememberFor,
      timeout: INTROSPECTION_TIMEOUT,
      http,
      clock,
    });
  const attachments =
    redis === undefined
      ? undefined
      : createAttachments({
          redis,
          keys,
          lastResort,
          usesView,
          viewLimit,
          onRevocation: (entry, isNewsOfIt) => announcements.announce(entry, isNewsOfIt),
          clock,
          clockSkew,
          logger,
          metrics,
        });
  const stateNow = () => attachments?.state ?? noFeed.state;
  const guard = assembleGuard(
    createVerifier({ keys, issuer, audience, clock, clockSkew }),
    attachments?.check ?? createCheck({ feed: noFeed, lastResort, clock, clockSkew, metrics }),
  );
  // By the real clock: one that was given for tests may stand still.
  const deadline = performance.now() + START_PATIENCE;
  await Promise.race([firstReading, sleep(START_PATIENCE, undefined, { ref: false })]);
  const close = async () => {
    await attachments?.close();
    keys.stop();
    await http.close();
  };
  attachments?.sync();
  await Promise.race([attachments?.tried(), sleep(START_PATIENCE, undefined, { ref: false })]);
  const refusal = attachments?.refusal;
  if (refusal !== undefined) {
    await close();
    throw new GuardOptionsError([`redis names a database that Redis refuses: ${refusal}.`]);
  }
  while (usesView && !stateNow().isCurrent && performance.now() < deadline) await sleep(20);

  return {
    authenticate: (authorization) => guard.authenticate(authorization),
    status: () => ({
      view: usesView ? (stateNow().isCurrent ? 'current' : 'not current') : 'off',
      redis: attachments ? (stateNow().reachesRedis ? 'reached' : 'away') : 'off',
      viewSize: stateNow().size,
      keys: keys.ids.length,
    }),
    onRevocation: (listener) => announcements.subscribe(listener),
    close,
  };
}
