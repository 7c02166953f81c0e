import type { Config } from './config';
import type { Env } from './env';
import { ConfigError } from './config-error';
import { contradictionsIn, warningsOf } from './judge';
import { readMail, readServiceName } from './mail';
import { readRoles } from './roles';
import { findMisspelt } from './misspelt';
import { readAppUrl, readBreachUrl, readHost, readIssuer } from './network';
import { LEASE_LIMITS, SettingsReader } from './settings';
import { readStore } from './store';
import { readTrustProxy } from './trust-proxy';

/** Settings that say where the data is. A server that starts without them would use other data. */
const DECISIVE = ['DATABASE_URL', 'REDIS_URL'];

/**
 * Whether this is an `Origin` that a page can send. URL knows only the origins of the web. Packaged apps and browser
 * extensions have their own schemes, like `capacitor://localhost`. The opaque `null` could be any page, and is refused.
 */
function isOrigin(text: string): boolean {
  const [, scheme] = /^([a-z][a-z\d+.-]*):\/\/[\w.~-]+(?::\d{1,5})?$/.exec(text) ?? [];
  if (scheme === undefined || ['http', 'https', 'ws', 'wss', 'ftp'].includes(scheme))
    return URL.canParse(text) && new URL(text).origin === text;
  return scheme !== 'file';
}

function readOrigins(read: SettingsReader): string[] {
  const origins = read.list('CORS_ORIGINS');
  for (const origin of origins) {
    if (!isOrigin(origin)) {
      read.fault(
        `CORS_ORIGINS names "${origin}", which is not an origin. Write only scheme, host and port, like https://app.example.com or capacitor://localhost.`,
      );
    }
  }
  return origins;
}

function readAdministrator(read: SettingsReader): Config['administrator'] {
  const email = read.given('ADMIN_EMAIL');
  const password = read.given('ADMIN_PASSWORD');
  if (email === undefined && password === undefined) return undefined;
  if (email === undefined || password === undefined) {
    read.fault('ADMIN_EMAIL and ADMIN_PASSWORD must be set together, or neither.');
    return undefined;
  }
  return { email, password };
}

/** Reads `all`, `errors`, `off`, or the share of successful requests that are logged with all errors, like `1%`. */
function readLogRequests(read: SettingsReader): number | 'off' {
  const text = read.text('LOG_REQUESTS', 'all');
  if (text === 'off') return 'off';
  if (text === 'errors') return 0;
  if (text === 'all') return 1;
  const percent = /^(\d{1,2}(?:\.\d{1,3})?)%$/.exec(text)?.[1];
  if (percent === undefined)
    read.fault(`LOG_REQUESTS is "${text}". It must be all, errors, off, or a share like 1% or 0.1%.`);
  return Number(percent ?? 100) / 100;
}

/** Reads what is about accounts, and the mails to them. */
function readAccounts(read: SettingsReader, store: Config['store']) {
  const appUrl = readAppUrl(read);
  const breachUrl = readBreachUrl(read);
  return {
    roles: readRoles(read),
    registration: read.oneOf('REGISTRATION', 'open', ['open', 'verified', 'invited'] as const),
    mail: readMail(read, store),
    appUrl,
    serviceName: readServiceName(read, appUrl),
    mailsPerRecipient: read.integer('MAILS_PER_RECIPIENT', 5, 1, 1000),
    mailsPerDay: read.integer('MAILS_PER_DAY', 10_000, 1, 100_000_000),
    resetLinkTtl: read.seconds('RESET_LINK_TTL', '1h', { from: '5m', to: '24h' }),
    verificationLinkTtl: read.seconds('VERIFICATION_LINK_TTL', '24h', { from: '5m', to: '7d' }),
    invitationLinkTtl: read.seconds('INVITATION_LINK_TTL', '7d', { from: '1h', to: '30d' }),
    breachUrl: read.oneOf('PASSWORD_BREACH_CHECK', 'off', ['on', 'off']) === 'on' ? breachUrl : undefined,
    administrator: readAdministrator(read),
  };
}

/** Reads the configuration. Throws `ConfigError` with every fault. */
export function readConfig(env: Env): Config {
  const read = new SettingsReader(env);
  const store = readStore(read);
  const settings: Config = {
    warnings: [],
    host: readHost(read),
    port: read.integer('PORT', 4000, 0, 65_535),
    metricsPort:
      read.given('METRICS_PORT') === undefined ? undefined : read.integer('METRICS_PORT', 0, 0, 65_535),
    // The embedded mode is one process: no other node could serve during the delay.
    shutdownDelay: read.duration('SHUTDOWN_DELAY', store.mode === 'embedded' ? '0s' : '5s', {
      from: '0s',
      to: '5m',
    }),
    production: read.given('NODE_ENV') === 'production',
    logLevel: read.oneOf('LOG_LEVEL', 'info', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
    logRequests: readLogRequests(read),
    store,
    poolSize: read.integer('DATABASE_POOL_SIZE', 10, 2, 1000),
    issuer: readIssuer(read),
    audience: read.text('AUDIENCE', 'api'),
    accessTokenTtl: read.seconds('ACCESS_TOKEN_TTL', '15m', { from: '1s', to: '24h' }),
    refreshTokenTtl: read.seconds('REFRESH_TOKEN_TTL', '14d', { from: '1s', to: '365d' }),
    sessionMaxAge: read.seconds('SESSION_MAX_AGE', '90d', { from: '1s', to: '3650d' }),
    sessionsPerUser: read.integer('SESSIONS_PER_USER', 200, 1, 1000),
    operationTimeout: read.duration('OPERATION_TIMEOUT', '10s', { from: '1s', to: '60s' }),
    federation: read.oneOf('FEDERATION', 'off', ['on', 'off']) === 'on',
    httpStatus: read.oneOf('HTTP_STATUS', 'errors', ['errors', '200'] as const),
    auditRetention: read.seconds('AUDIT_RETENTION', '365d', { from: '1d', to: '3650d' }),
    viewLimit: read.integer('REVOCATION_VIEW_LIMIT', 2_000_000, 0, 100_000_000),
    waitReplicas: read.integer('REDIS_WAIT_REPLICAS', 0, 0, 100),
    revocationLease: read.duration('REVOCATION_LEASE', '1s', LEASE_LIMITS),
    clockSkew: read.duration('CLOCK_SKEW', '5s', { from: '0s', to: '5m' }),
    corsOrigins: readOrigins(read),
    trustProxy: readTrustProxy(read),
    rateLimit: read.oneOf('RATE_LIMIT', 'on', ['on', 'off']) === 'on',
    passwordAttemptsPerHour: read.integer('PASSWORD_ATTEMPTS_PER_HOUR', 100, 10, 100_000),
    introspectionSecret: read.secret('INTROSPECTION_SECRET'),
    revocationSecret: read.secret('REVOCATION_SECRET'),
    followersPerNode: read.integer('FOLLOWERS_PER_NODE', 200, 0, 10_000),
    ...readAccounts(read, store),
  };
  const faults = [...read.faults, ...contradictionsIn(settings, env)];
  const warnings = warningsOf(settings, env);
  for (const { given, meant } of findMisspelt(env, read.names))
    (DECISIVE.includes(meant) ? faults : warnings).push(`${given} is not a setting. Did you mean ${meant}?`);
  if (faults.length > 0) throw new ConfigError(faults);
  return { ...settings, warnings };
}
