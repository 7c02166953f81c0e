import { readRedisUrl } from '../core/addresses/redis-url';
import type { Clock } from '../core/clock';
import { databaseOf } from '../core/key-id';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';

/** A JWK Set (RFC 7517, section 5) that is given rather than fetched. */
export interface GivenKeys {
  readonly keys: readonly object[];
}

/** The part of an ioredis client that is used: its settings, for connections of our own. */
export interface RedisClient {
  readonly options: object;
}

export interface IntrospectionSettings {
  /** The auth server's `/oauth/introspect`. */
  readonly url: string;
  /** Its `INTROSPECTION_SECRET`. */
  readonly secret: string;
  /**
   * ms for which "active" is believed without asking again: a token that is revoked meanwhile is accepted for as long. If
   * left out, 5000 without `redis`, and 0 beside it, which asks each time.
   */
  readonly rememberFor?: number;
}

/** How a service checks tokens. Nothing here can make it accept what it could not check. */
export interface GuardOptions {
  /** The `ISSUER` of the auth server. */
  readonly issuer: string;
  /** Its `AUDIENCE`. */
  readonly audience: string;
  /** The auth server's `/.well-known/jwks.json`, or the keys themselves. */
  readonly jwks: string | GivenKeys;
  /**
   * The Redis of the auth server's nodes: its URL, or an ioredis client. The client itself is not used, only what its
   * settings say of where Redis is and as whom to go there.
   */
  readonly redis?: string | RedisClient;
  /** The last resort. */
  readonly introspection?: IntrospectionSettings;
  /**
   * Whether to keep the recent revocations in memory, so that a check costs no I/O. True with `redis` if left out. `false` is
   * for processes that are stopped between requests: then each check reads Redis.
   */
  readonly view?: boolean;
  /** How many users, tokens, sessions and keys the view may name; two million if left out. */
  readonly viewLimit?: number;
  /** What becomes of a token that cannot be checked. There is no other choice. */
  readonly whenUnavailable?: 'deny';
  /** Permits `http:` and `redis:` to other hosts than this one. */
  readonly allowInsecure?: boolean;
  /** ms that the clocks may differ by, 5000 if left out. */
  readonly clockSkew?: number;
  readonly clock?: Clock;
  /** Silent if left out. */
  readonly logger?: Logger;
  readonly metrics?: Pick<Metrics, 'checked'>;
}

/** Says all that is wrong with the options, a sentence each. */
export class GuardOptionsError extends Error {
  override readonly name = 'GuardOptionsError';

  constructor(readonly faults: readonly string[]) {
    super(`The options of the guard will not do:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

const NAMES: Record<keyof GuardOptions, true> = {
  issuer: true,
  audience: true,
  jwks: true,
  redis: true,
  introspection: true,
  view: true,
  viewLimit: true,
  whenUnavailable: true,
  allowInsecure: true,
  clockSkew: true,
  clock: true,
  logger: true,
  metrics: true,
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|::1)$/;

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

/** Whether it has all of these methods. */
const can = (value: unknown, ...methods: string[]) =>
  isObject(value) && methods.every((method) => typeof value[method] === 'function');

// A number, not what merely looks like one: a text that is added to a time lengthens it a thousandfold.
const isBetween = (value: unknown, least: number, most: number) =>
  typeof value === 'number' && value >= least && value <= most;

/** A sentence on what is wrong with a URL, if anything is. Without the URL itself, which may hold a password. */
function faultOfUrl(
  name: string,
  value: unknown,
  safe: string,
  plain: string,
  allowPlain: boolean,
): string | undefined {
  if (!isText(value) || !URL.canParse(value)) return `${name} is no URL.`;
  const { protocol, hostname } = new URL(value);
  if (protocol === safe) return undefined;
  if (protocol !== plain) return `${name} must start with ${safe}// or ${plain}//.`;
  if (allowPlain || LOOPBACK.test(hostname)) return undefined;
  return `${name} is not encrypted: use ${safe}//, or say allowInsecure: true.`;
}

function faultOfRedisUrl(text: string, allowPlain: boolean): string | undefined {
  const address = readRedisUrl(text);
  if ('fault' in address) return `redis ${address.fault}`;
  const { path, host, isEncrypted } = address;
  if (allowPlain || isEncrypted || path !== undefined || LOOPBACK.test(host)) return undefined;
  return 'redis is not encrypted: use rediss://, or say allowInsecure: true.';
}

function faultOfRedis(redis: unknown, allowPlain: boolean): string | undefined {
  if (typeof redis === 'string') return faultOfRedisUrl(redis, allowPlain);
  if (isObject(redis) && 'nodes' in redis)
    return 'redis is a Cluster client. Give the client, or the URL, of the node that holds the keys of Tokenfence.';
  if (!can(redis, 'evalsha', 'duplicate') || !isObject((redis as Partial<RedisClient>).options))
    return 'redis is neither a URL nor an ioredis client.';
  const { host, path, db, tls, sentinels, enableTLSForSentinelMode } = (
    redis as { options: Record<string, unknown> }
  ).options;
  // ioredis makes NaN of a URL that ends with something else than a number, and ends the process by it.
  if (db !== undefined && db !== null && !(Number.isInteger(Number(db)) && Number(db) >= 0))
    return 'redis is a client whose db is not the number of a database.';
  const isHere = !sentinels && (isText(path) || (isText(host) && LOOPBACK.test(host)));
  // From a URL it is no more than true.
  // Without a look at the certificate, the other side may be anybody's.
  const isVerified = tls === true || (isObject(tls) && tls.rejectUnauthorized !== false);
  const isEncrypted = isVerified && (!sentinels || enableTLSForSentinelMode === true);
  if (allowPlain || isHere || isEncrypted) return undefined;
  return 'redis is a client whose connections are not encrypted, or that accepts any certificate: give it tls without rejectUnauthorized: false, or say allowInsecure: true.';
}

function* faultsOfIntrospection(given: unknown, allowPlain: boolean): Generator<string | undefined> {
  if (!isObject(given)) {
    yield 'introspection must be { url, secret }.';
    return;
  }
  const { url, secret, rememberFor = 0, ...more } = given;
  for (const name of Object.keys(more)) yield `There is no option introspection.${name}.`;
  yield faultOfUrl('introspection.url', url, 'https:', 'http:', allowPlain);
  if (!isText(secret)) yield 'introspection.secret is missing: the INTROSPECTION_SECRET of the auth server.';
  if (!isBetween(rememberFor, 0, 60_000)) yield 'introspection.rememberFor must be from 0 to 60000 ms.';
}

/** Whether the revocations of one key at least can be found in Redis. */
const namesDatabase = ({ keys }: GivenKeys) =>
  keys.some((key) => {
    const { kid } = key as { kid?: unknown };
    return typeof kid === 'string' && databaseOf(kid) !== undefined;
  });

function* faultsOf(options: GuardOptions, countKeys: CountKeys): Generator<string | undefined> {
  const { issuer, audience, jwks, redis, introspection, view, whenUnavailable } = options;
  const { clockSkew = 0, viewLimit = 1, clock, logger, metrics } = options;
  const allowPlain = options.allowInsecure === true;
  for (const name of Object.keys(options))
    if (!Object.hasOwn(NAMES, name)) yield `There is no option ${name}.`;
  if (!isText(issuer)) yield 'issuer is missing: the ISSUER of the auth server.';
  if (!isText(audience)) yield 'audience is missing: the AUDIENCE of the auth server.';
  if (typeof jwks === 'string') yield faultOfUrl('jwks', jwks, 'https:', 'http:', allowPlain);
  else if (!Array.isArray((jwks as GivenKeys | undefined)?.keys) || jwks.keys.length === 0)
    yield 'jwks is missing: the URL of the key set, or { keys: [...] }.';
  else if (countKeys(jwks) === 0)
    yield 'jwks has no key that could be used: of type EC, for ES256, on the curve P-256, with a kid.';
  else if (redis !== undefined && !namesDatabase(jwks))
    yield 'jwks has no key whose kid names a database, so its revocations cannot be found in redis: give the keys as the auth server publishes them.';
  if (redis !== undefined) yield faultOfRedis(redis, allowPlain);
  if (introspection !== undefined) yield* faultsOfIntrospection(introspection, allowPlain);
  if (redis === undefined && introspection === undefined)
    yield 'Nothing would tell whether a token was revoked: give redis, or introspection, or both.';
  if (view === true && redis === undefined) yield 'view: true needs redis, from where the view is fed.';
  if (view === false && redis !== undefined && introspection === undefined)
    yield 'view: false needs introspection beside redis: a user of whom Redis holds no record has to be asked of the auth server.';
  if (view !== undefined && typeof view !== 'boolean') yield 'view must be true or false.';
  if (whenUnavailable !== undefined && (whenUnavailable as string) !== 'deny')
    yield "whenUnavailable can only be 'deny': what cannot be checked is not accepted.";
  if (!isBetween(clockSkew, 0, 300_000)) yield 'clockSkew must be a number from 0 to 300000, of ms.';
  if (!(Number.isInteger(viewLimit) && viewLimit > 0)) yield 'viewLimit must be a whole number above 0.';
  if (clock !== undefined && !can(clock, 'now', 'monotonic'))
    yield 'clock must have the methods now and monotonic.';
  else if (clock !== undefined && !tellsTime(clock))
    yield 'clock must tell the time: now() and monotonic() in ms.';
  if (logger !== undefined && !can(logger, 'debug', 'info', 'warn', 'error'))
    yield 'logger must have the methods debug, info, warn and error.';
  if (metrics !== undefined && !can(metrics, 'checked')) yield 'metrics must have the method checked.';
}

function tellsTime(clock: Clock): boolean {
  try {
    return Number.isFinite(clock.now()) && Number.isFinite(clock.monotonic());
  } catch {
    return false;
  }
}

/** How many of the keys that were given could verify a token. */
export type CountKeys = (given: GivenKeys) => number;

/** Throws `GuardOptionsError` with every fault in the options. */
export function checkGuardOptions(options: GuardOptions, countKeys: CountKeys): void {
  if (!isObject(options)) throw new GuardOptionsError(['There are none.']);
  const faults = [...faultsOf(options, countKeys)].filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new GuardOptionsError(faults);
}
