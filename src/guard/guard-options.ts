import type { Clock } from '../core/clock';
import type { Logger } from '../core/ports/logger';
import type { Metrics } from '../core/ports/metrics';

/** A JWK Set (RFC 7517, section 5) that is given rather than fetched. */
export interface GivenKeys {
  readonly keys: readonly object[];
}

/** The part of an ioredis client that is used: its settings, for connections of our own. */
export interface RedisClient {
  duplicate(options?: object): unknown;
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
  /** The Redis of the auth server's nodes: its URL, or an ioredis client, which is not used itself, only duplicated. */
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
  readonly metrics?: Metrics;
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

function* faultsOf(options: GuardOptions): Generator<string | undefined> {
  const {
    issuer,
    audience,
    jwks,
    redis,
    introspection,
    view,
    whenUnavailable,
    clockSkew = 0,
    viewLimit = 1,
  } = options;
  const allowPlain = options.allowInsecure === true;
  for (const name of Object.keys(options)) if (!(name in NAMES)) yield `There is no option ${name}.`;
  if (!isText(issuer)) yield 'issuer is missing: the ISSUER of the auth server.';
  if (!isText(audience)) yield 'audience is missing: the AUDIENCE of the auth server.';
  if (typeof jwks === 'string') yield faultOfUrl('jwks', jwks, 'https:', 'http:', allowPlain);
  else if (!Array.isArray((jwks as GivenKeys | undefined)?.keys) || jwks.keys.length === 0)
    yield 'jwks is missing: the URL of the key set, or { keys: [...] }.';
  if (typeof redis === 'string') yield faultOfUrl('redis', redis, 'rediss:', 'redis:', allowPlain);
  else if (redis !== undefined && typeof (redis as Partial<RedisClient> | null)?.duplicate !== 'function')
    yield 'redis is neither a URL nor an ioredis client.';
  else if (redis !== undefined && 'nodes' in redis)
    yield 'redis is a Cluster client. Give the client, or the URL, of the node that holds the keys of Tokenfence.';
  if (introspection !== undefined) {
    yield faultOfUrl('introspection.url', introspection.url, 'https:', 'http:', allowPlain);
    if (!isText(introspection.secret))
      yield 'introspection.secret is missing: the INTROSPECTION_SECRET of the auth server.';
    const { rememberFor = 0 } = introspection;
    if (!(rememberFor >= 0 && rememberFor <= 60_000))
      yield 'introspection.rememberFor must be from 0 to 60000 ms.';
  }
  if (redis === undefined && introspection === undefined)
    yield 'Nothing would tell whether a token was revoked: give redis, or introspection, or both.';
  if (view === true && redis === undefined) yield 'view: true needs redis, from where the view is fed.';
  if (view === false && redis !== undefined && introspection === undefined)
    yield 'view: false needs introspection beside redis: a user of whom Redis holds no record has to be asked of the auth server.';
  if (view !== undefined && typeof view !== 'boolean') yield 'view must be true or false.';
  if (whenUnavailable !== undefined && (whenUnavailable as string) !== 'deny')
    yield "whenUnavailable can only be 'deny': what cannot be checked is not accepted.";
  if (!(clockSkew >= 0 && clockSkew <= 300_000)) yield 'clockSkew must be from 0 to 300000 ms.';
  if (!(Number.isInteger(viewLimit) && viewLimit > 0)) yield 'viewLimit must be a whole number above 0.';
}

/** Throws `GuardOptionsError` with every fault in the options. */
export function checkGuardOptions(options: GuardOptions): void {
  const faults = [...faultsOf(options)].filter((fault) => fault !== undefined);
  if (faults.length > 0) throw new GuardOptionsError(faults);
}
