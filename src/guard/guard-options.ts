import type { Clock } from '../core/clock';
import { databaseOf } from '../core/key-id';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';
import { readJwkSet } from '../tokens/jwks-keys';
import { hasMethods, isBetween, isObject, isText, LOOPBACK } from './predicates';
import { faultOfRedis } from './redis-options';

/** A JWK Set (RFC 7517, section 5), passed instead of fetched. */
export interface GivenKeys {
  readonly keys: readonly object[];
}

/** An ioredis client, or a `Cluster`. Only its options are read; the guard opens its own connections. */
export interface RedisClient {
  readonly options: object;
}

/** How to ask the auth server about a token (RFC 7662). */
export interface IntrospectionSettings {
  /** The URL of the auth server's `/oauth/introspect`. */
  readonly url: string;
  /** The auth server's `INTROSPECTION_SECRET`. */
  readonly secret: string;
  /**
   * ms for which an "active" answer is reused. A token revoked meanwhile is accepted until then. Default: 5000, or 0
   * (never reused) together with `secret` or `redis`.
   */
  readonly rememberFor?: number;
}

/** The options of `createGuard`. None of them accepts a token that could not be checked. */
export interface GuardOptions {
  /** The auth server's `ISSUER`, the `iss` of its tokens. */
  readonly issuer: string;
  /** The auth server's `AUDIENCE`, the `aud` of its tokens. */
  readonly audience: string;
  /**
   * The auth server's `INTROSPECTION_SECRET`. With it the guard follows a node of the auth server over a WebSocket, and
   * asks by introspection while no node can be followed. It needs no `redis` and no `introspection`.
   */
  readonly secret?: string;
  /**
   * The base URL where this service reaches the auth server, if that is not `issuer`. Needs `secret`. Below it are
   * `/follow`, `/oauth/introspect` and `/.well-known/jwks.json`.
   */
  readonly server?: string;
  /** The URL of the auth server's `/.well-known/jwks.json`, or the key set itself. With `secret` the guard finds it. */
  readonly jwks?: string | GivenKeys;
  /**
   * The auth server's Redis: a URL, or an ioredis client or `Cluster`, of which only the options are read. Needs the
   * package `ioredis`.
   * Beside `secret`, the service goes on while all nodes are away.
   */
  readonly redis?: string | RedisClient;
  /**
   * Asks the auth server when neither a view nor Redis can tell. Without `secret` and `redis`, asks for every token. With
   * `secret` the guard asks the server anyway: set this only to ask elsewhere.
   */
  readonly introspection?: IntrospectionSettings;
  /**
   * Whether to keep recent revocations in memory, so that a check does no I/O. Default: true with `secret` or `redis`. Set
   * `false` where processes are suspended between requests: each check then reads Redis, or asks by introspection.
   */
  readonly view?: boolean;
  /** The most users, tokens, sessions and keys that the view may hold. Default: 2,000,000. */
  readonly viewLimit?: number;
  /** What happens to a token that cannot be checked. `'deny'` is the only choice. */
  readonly whenUnavailable?: 'deny';
  /** Allows `http:` and `redis:` to hosts other than this one. Default: false. */
  readonly allowInsecure?: boolean;
  /** ms by which clocks may differ. Default: 5000. */
  readonly clockSkew?: number;
  /** Replaces the system clock, in tests. */
  readonly clock?: Clock;
  /** Default: logs nothing. */
  readonly logger?: Logger;
  /** Counts the checks, by the source that answered them. */
  readonly metrics?: Pick<Metrics, 'checked'>;
}

/** Invalid options of `createGuard`. `faults` has one sentence for each mistake. */
export class GuardOptionsError extends Error {
  override readonly name = 'GuardOptionsError';

  constructor(readonly faults: readonly string[]) {
    super(`Invalid guard options:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

/** Returns a sentence on what is wrong with a URL. Never quotes the URL, which may hold a password. */
function faultOfUrl(name: string, value: unknown, allowPlain: boolean): string | undefined {
  if (!isText(value) || !URL.canParse(value)) return `${name} must be a URL.`;
  const { protocol, hostname } = new URL(value);
  if (protocol === 'https:') return undefined;
  if (protocol !== 'http:') return `${name} must start with https:// or http://.`;
  if (allowPlain || LOOPBACK.test(hostname)) return undefined;
  return `${name} is not encrypted: use https://, or set allowInsecure: true.`;
}

function* faultsOfIntrospection(given: unknown, allowPlain: boolean): Generator<string | undefined> {
  if (!isObject(given)) {
    yield 'introspection must be { url, secret }.';
    return;
  }
  const { url, secret, rememberFor = 0, ...more } = given;
  for (const name of Object.keys(more)) yield `Unknown option introspection.${name}.`;
  yield faultOfUrl('introspection.url', url, allowPlain);
  if (!isText(secret))
    yield 'introspection.secret is missing: use the INTROSPECTION_SECRET of the auth server.';
  if (!isBetween(rememberFor, 0, 60_000))
    yield 'introspection.rememberFor must be a number from 0 to 60000 (ms).';
}

/** Whether the revocations of at least one key can be found in Redis. */
const namesDatabase = ({ keys }: GivenKeys) =>
  keys.some((key) => {
    const { kid } = key as { kid?: unknown };
    return typeof kid === 'string' && databaseOf(kid) !== undefined;
  });

/** What an HTTP header can carry. */
const HEADER_TEXT = /^[\x20-\x7e\x80-\xff]+$/;

function* faultsOfServer({ issuer, secret, server }: GuardOptions, allowPlain: boolean) {
  if (!isText(secret) || !HEADER_TEXT.test(secret))
    yield 'secret must be the INTROSPECTION_SECRET of the auth server.';
  if (server !== undefined) {
    yield faultOfUrl('server', server, allowPlain);
    if (isText(server) && /[?#]/.test(server)) yield 'server must have neither a query nor a fragment.';
  } else if (isText(issuer)) {
    if (/^https?:/i.test(issuer)) yield faultOfUrl('issuer', issuer, allowPlain);
    else yield 'server is missing: issuer is not a URL, so say where this service reaches the auth server.';
  }
}

function* faultsOfKeys({ jwks, secret, redis, view }: GuardOptions, allowPlain: boolean) {
  if (jwks === undefined && secret !== undefined) return;
  if (typeof jwks === 'string') yield faultOfUrl('jwks', jwks, allowPlain);
  else if (!Array.isArray(jwks?.keys) || jwks.keys.length === 0)
    yield 'jwks is missing: use the URL of the key set, or { keys: [...] }.';
  else if (readJwkSet(jwks).size === 0)
    yield 'jwks has no usable key: kty EC, crv P-256, alg ES256, with a kid.';
  else if ((redis !== undefined || (secret !== undefined && view !== false)) && !namesDatabase(jwks))
    yield 'jwks has no kid that names a database, so its revocations cannot be found: use the keys as the auth server publishes them.';
}

/** Whether only the secret is missing. Then no other fault is named, because it would mislead. */
const lacksSecret = (options: GuardOptions) =>
  'secret' in options && [options.secret, options.redis, options.introspection].every((each) => !each);

function* faultsOfSources(options: GuardOptions, allowPlain: boolean): Generator<string | undefined> {
  const { secret, server, redis, introspection, view } = options;
  if (lacksSecret(options)) {
    yield 'secret is missing: use the INTROSPECTION_SECRET of the auth server.';
    return;
  }
  yield* faultsOfKeys(options, allowPlain);
  if (secret !== undefined) yield* faultsOfServer(options, allowPlain);
  else if (server !== undefined) yield 'server needs secret, the INTROSPECTION_SECRET of the auth server.';
  if (redis !== undefined) yield faultOfRedis(redis, allowPlain);
  if (introspection !== undefined) yield* faultsOfIntrospection(introspection, allowPlain);
  const asks = secret !== undefined || introspection !== undefined;
  if (redis === undefined && !asks)
    yield 'Revocations have no source: set secret. If no node can be followed, set redis or introspection.';
  if (view === true && redis === undefined && secret === undefined)
    yield 'view: true needs secret or redis, which fills the view.';
  if (view === false && redis !== undefined && !asks)
    yield 'view: false needs secret or introspection as well as redis, for users without a record in Redis.';
}

function* faultsOf(options: GuardOptions): Generator<string | undefined> {
  const { issuer, audience, view, viewLimit = 1, whenUnavailable, allowInsecure, ...more } = options;
  const { clockSkew = 0, clock, logger, metrics, ...others } = more;
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- what is left has no meaning
  const { secret, server, jwks, redis, introspection, ...unknown } = others;
  for (const name of Object.keys(unknown)) yield `Unknown option ${name}.`;
  if (!isText(issuer)) yield 'issuer is missing: use the ISSUER of the auth server.';
  if (!isText(audience)) yield 'audience is missing: use the AUDIENCE of the auth server.';
  yield* faultsOfSources(options, allowInsecure === true);
  if (view !== undefined && typeof view !== 'boolean') yield 'view must be true or false.';
  if (whenUnavailable !== undefined && (whenUnavailable as string) !== 'deny')
    yield "whenUnavailable must be 'deny': a token that cannot be checked is never accepted.";
  if (!isBetween(clockSkew, 0, 300_000)) yield 'clockSkew must be a number from 0 to 300000 (ms).';
  if (!(Number.isInteger(viewLimit) && viewLimit > 0)) yield 'viewLimit must be a whole number above 0.';
  if (clock !== undefined && !hasMethods(clock, 'now', 'monotonic'))
    yield 'clock must have the methods now and monotonic.';
  else if (clock !== undefined && !tellsTime(clock))
    yield 'clock.now() and clock.monotonic() must return a finite number of ms.';
  if (logger !== undefined && !hasMethods(logger, 'debug', 'info', 'warn', 'error'))
    yield 'logger must have the methods debug, info, warn and error.';
  if (metrics !== undefined && !hasMethods(metrics, 'checked')) yield 'metrics must have the method checked.';
}

function tellsTime(clock: Clock): boolean {
  try {
    return Number.isFinite(clock.now()) && Number.isFinite(clock.monotonic());
  } catch {
    return false;
  }
}

/** Returns a sentence for every fault in the options. */
export const faultsOfGuardOptions = (options: GuardOptions): string[] =>
  [...faultsOf(options)].filter((fault) => fault !== undefined);

/** Throws `GuardOptionsError` with every fault in the options. */
export function checkGuardOptions(options: GuardOptions): void {
  if (!isObject(options)) throw new GuardOptionsError(['Pass an options object.']);
  const faults = faultsOfGuardOptions(options);
  if (faults.length > 0) throw new GuardOptionsError(faults);
}
