import { faultOfPostgresUrl } from '../core/addresses/postgres-url';
import { readRedisUrl } from '../core/addresses/redis-url';
import type { Env } from './env';
import { judgeTogether, warningsOf } from './judge';
import { findMisspelt } from './misspelt';
import { readHost, readIssuer, readTrustProxy } from './network';
import { createReader, type DurationLimits, type Faults, LEASE_LIMITS, type Reader } from './settings';

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Where the data lives. */
export type StoreConfig =
  /** Postgres inside this process, in a folder; the secret is made and kept there unless one is given. */
  | { readonly mode: 'embedded'; readonly dataDir: string; readonly secret?: string }
  | {
      readonly mode: 'servers';
      readonly databaseUrl: string;
      /** Holds all tables; made at the first start. */
      readonly schema: string;
      readonly redisUrl?: string;
      readonly secret: string;
    };

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Where `/metrics` is; on the API's port, and not in production, if left out. */
  readonly metricsPort?: number;
  /** ms that a node which was told to stop goes on serving for */
  readonly shutdownDelay: number;
  readonly production: boolean;
  readonly logLevel: LogLevel;
  /** The share of good requests that get a line in the log, 0 to 1; `off`: no request gets one. */
  readonly logRequests: number | 'off';
  readonly store: StoreConfig;
  readonly poolSize: number;
  readonly issuer: string;
  readonly audience: string;
  /** s */
  readonly accessTokenTtl: number;
  /** s */
  readonly refreshTokenTtl: number;
  /** s */
  readonly sessionMaxAge: number;
  /** Live sessions of a user. */
  readonly sessionsPerUser: number;
  /** s */
  readonly auditRetention: number;
  /** ms that an operation of GraphQL may take. */
  readonly operationTimeout: number;
  /** ms */
  readonly revocationLease: number;
  /** How many users, tokens, sessions and keys the view in memory may name; 0 for no view. */
  readonly viewLimit: number;
  /** How many replicas of Redis must acknowledge a write before it counts. */
  readonly waitReplicas: number;
  /** ms */
  readonly clockSkew: number;
  readonly corsOrigins: readonly string[];
  /** How many proxies, or which, are believed about the client's address. */
  readonly trustProxy: number | string[] | false;
  readonly rateLimit: boolean;
  /** Attempts at the password of one account. */
  readonly passwordAttemptsPerHour: number;
  readonly introspectionSecret?: string;
  readonly administrator?: { readonly email: string; readonly password: string };
  /** Sentences on settings that work, but are rarely meant. */
  readonly warnings: readonly string[];
}

/** Says all that is wrong with the environment, a sentence each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly string[]) {
    super(`The configuration will not do:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
  }
}

const DELAY_LIMITS: DurationLimits = { from: '0s', to: '5m' };

const SHORTEST_SECRET = 32;
const FEWEST_CHARACTERS = 12;

function checkSecret(name: string, secret: string, faults: Faults): void {
  if (
    secret.length < SHORTEST_SECRET ||
    new Set(secret).size < FEWEST_CHARACTERS ||
    /change.?me|replace/i.test(secret)
  ) {
    faults.add(
      `${name} is too weak. Use at least ${SHORTEST_SECRET} random characters, for example from: openssl rand -base64 32`,
    );
  }
}

/** What `DATABASE_URL` says to ask for the embedded mode by its name. */
const EMBEDDED = 'embedded';

function faultOfRedisUrl(text: string): string | undefined {
  const address = readRedisUrl(text);
  return 'fault' in address ? address.fault : undefined;
}

/** The address itself stays out of the sentence: it often holds a password. */
function readAddress(
  name: string,
  faultOf: (text: string) => string | undefined,
  read: Reader,
  faults: Faults,
): string | undefined {
  const text = read.given(name)?.trim();
  if (text === undefined) return undefined;
  const fault = faultOf(text);
  if (fault !== undefined) faults.add(`${name} ${fault}`);
  return text;
}

/** In lower case, as Postgres reads a name that is not quoted. `pg_` begins its own. */
const SCHEMA = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

function readSchema(read: Reader, faults: Faults): string {
  const schema = read.text('DATABASE_SCHEMA', 'public');
  if (!SCHEMA.test(schema)) {
    faults.add(
      `DATABASE_SCHEMA is "${schema}". Use lower-case letters, digits and underscores, at most 63, and not pg_ in front.`,
    );
  }
  return schema;
}

function readStore(read: Reader, faults: Faults): StoreConfig {
  const secret = read.given('SECRET');
  if (secret !== undefined) checkSecret('SECRET', secret, faults);
  const redisUrl = readAddress('REDIS_URL', faultOfRedisUrl, read, faults);
  const dataDir = read.text('DATA_DIR', '.tokenfence');
  const database = read.given('DATABASE_URL');
  if (database === undefined && read.given('NODE_ENV') === 'production') {
    faults.add(
      'DATABASE_URL is not set, which production needs. For a Postgres inside this process write DATABASE_URL=embedded.',
    );
  }
  if (database === undefined || database === EMBEDDED) {
    if (redisUrl !== undefined) {
      faults.add(
        'REDIS_URL is set without DATABASE_URL, or with that of the embedded mode. The embedded mode is one process and uses no Redis: set both, or neither.',
      );
    }
    if (read.given('DATABASE_SCHEMA') !== undefined) {
      faults.add('DATABASE_SCHEMA is set without DATABASE_URL. The embedded mode has a database of its own.');
    }
    return { mode: 'embedded', dataDir, secret };
  }
  const databaseUrl = readAddress('DATABASE_URL', faultOfPostgresUrl, read, faults) ?? '';
  if (secret === undefined) {
    faults.add(
      'SECRET is not set. The signing keys in the database are encrypted with it. Make one with: openssl rand -base64 32',
    );
  }
  return { mode: 'servers', databaseUrl, schema: readSchema(read, faults), redisUrl, secret: secret ?? '' };
}

/**
 * Whether a page can send this text as its `Origin`. URL knows the origins of the web only. Packaged apps and browser
 * extensions have schemes of their own, like `capacitor://localhost`, and send them as they are written. The opaque
 * `null` stands for any page, and is never allowed.
 */
function isOrigin(text: string): boolean {
  const [, scheme] = /^([a-z][a-z\d+.-]*):\/\/[\w.~-]+(?::\d{1,5})?$/.exec(text) ?? [];
  if (scheme === undefined || ['http', 'https', 'ws', 'wss', 'ftp'].includes(scheme))
    return URL.canParse(text) && new URL(text).origin === text;
  return scheme !== 'file';
}

function readOrigins(read: Reader, faults: Faults): string[] {
  const origins = read.list('CORS_ORIGINS');
  for (const origin of origins) {
    if (!isOrigin(origin)) {
      faults.add(
        `CORS_ORIGINS names "${origin}", which is not an origin. Write scheme, host and port only, like https://app.example.com or capacitor://localhost.`,
      );
    }
  }
  return origins;
}

function readAdministrator(read: Reader, faults: Faults): Config['administrator'] {
  const email = read.given('ADMIN_EMAIL');
  const password = read.given('ADMIN_PASSWORD');
  if (email === undefined && password === undefined) return undefined;
  if (email === undefined || password === undefined) {
    faults.add('ADMIN_EMAIL and ADMIN_PASSWORD must be set together, or neither.');
    return undefined;
  }
  return { email, password };
}

/** `all`, `errors`, `off`, or the share of the others beside errors, like `1%`. */
function readLogRequests(read: Reader, faults: Faults): number | 'off' {
  const text = read.text('LOG_REQUESTS', 'all');
  if (text === 'off') return 'off';
  if (text === 'errors') return 0;
  if (text === 'all') return 1;
  const percent = /^(\d{1,2}(?:\.\d{1,3})?)%$/.exec(text)?.[1];
  if (percent === undefined)
    faults.add(`LOG_REQUESTS is "${text}". It must be all, errors, off, or a share like 1% or 0.1%.`);
  return Number(percent ?? 100) / 100;
}

/** Makes the configuration of the environment; throws `ConfigError` with every fault in it. */
export function readConfig(env: Env): Config {
  const faults: string[] = [];
  const collector: Faults = { add: (sentence) => faults.push(sentence) };
  const read = createReader(env, collector);
  const seconds = (ms: number) => Math.floor(ms / 1000);

  const introspectionSecret = read.given('INTROSPECTION_SECRET');
  if (introspectionSecret !== undefined) checkSecret('INTROSPECTION_SECRET', introspectionSecret, collector);
  // The embedded mode is one process: no other node could serve during its SHUTDOWN_DELAY.
  const store = readStore(read, collector);
  const settings: Config = {
    warnings: [],
    host: readHost(read, collector),
    port: read.integer('PORT', 4000, 0, 65_535),
    metricsPort:
      read.given('METRICS_PORT') === undefined ? undefined : read.integer('METRICS_PORT', 0, 0, 65_535),
    shutdownDelay: read.duration('SHUTDOWN_DELAY', store.mode === 'embedded' ? '0s' : '5s', DELAY_LIMITS),
    production: read.given('NODE_ENV') === 'production',
    logLevel: read.oneOf('LOG_LEVEL', 'info', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    logRequests: readLogRequests(read, collector),
    store,
    poolSize: read.integer('DATABASE_POOL_SIZE', 10, 2, 1000),
    issuer: readIssuer(read, collector),
    audience: read.text('AUDIENCE', 'api'),
    accessTokenTtl: seconds(read.duration('ACCESS_TOKEN_TTL', '15m', { from: '1s', to: '24h' })),
    refreshTokenTtl: seconds(read.duration('REFRESH_TOKEN_TTL', '14d', { from: '1s', to: '365d' })),
    sessionMaxAge: seconds(read.duration('SESSION_MAX_AGE', '90d', { from: '1s', to: '3650d' })),
    sessionsPerUser: read.integer('SESSIONS_PER_USER', 200, 1, 1000),
    operationTimeout: read.duration('OPERATION_TIMEOUT', '10s', { from: '1s', to: '60s' }),
    auditRetention: seconds(read.duration('AUDIT_RETENTION', '365d', { from: '1d', to: '3650d' })),
    viewLimit: read.integer('REVOCATION_VIEW_LIMIT', 2_000_000, 0, 100_000_000),
    waitReplicas: read.integer('REDIS_WAIT_REPLICAS', 0, 0, 100),
    revocationLease: read.duration('REVOCATION_LEASE', '1s', LEASE_LIMITS),
    clockSkew: read.duration('CLOCK_SKEW', '5s', { from: '0s', to: '5m' }),
    corsOrigins: readOrigins(read, collector),
    trustProxy: readTrustProxy(read, collector),
    rateLimit: read.oneOf('RATE_LIMIT', 'on', ['on', 'off']) === 'on',
    passwordAttemptsPerHour: read.integer('PASSWORD_ATTEMPTS_PER_HOUR', 100, 10, 100_000),
    introspectionSecret,
    administrator: readAdministrator(read, collector),
  };
  judgeTogether(settings, env, collector);
  const warnings: string[] = [];
  for (const { given, meant, isDecisive } of findMisspelt(env, read.names))
    (isDecisive ? faults : warnings).push(`${given} is set, but no setting. Is ${meant} meant?`);
  if (faults.length > 0) throw new ConfigError(faults);
  return { ...settings, warnings: [...warnings, ...warningsOf(settings, env)] };
}
