import type { Config } from './config';
import { type Env, readEnv } from './env';
import type { ServiceOptions } from './options';
import { ConfigError } from './config-error';
import { readConfig } from './read-config';

type Kind = 'text' | 'count' | 'list' | 'switch' | 'proxies';

/** The setting of each option. A name with a dot is inside another option. */
const SETTINGS: Readonly<Record<string, readonly [setting: string, kind?: Kind]>> = {
  databaseUrl: ['DATABASE_URL'],
  databaseSchema: ['DATABASE_SCHEMA'],
  databasePoolSize: ['DATABASE_POOL_SIZE', 'count'],
  dataDir: ['DATA_DIR'],
  redisUrl: ['REDIS_URL'],
  redisWaitReplicas: ['REDIS_WAIT_REPLICAS', 'count'],
  secret: ['SECRET'],
  issuer: ['ISSUER'],
  audience: ['AUDIENCE'],
  accessTokenTtl: ['ACCESS_TOKEN_TTL'],
  refreshTokenTtl: ['REFRESH_TOKEN_TTL'],
  sessionMaxAge: ['SESSION_MAX_AGE'],
  sessionsPerUser: ['SESSIONS_PER_USER', 'count'],
  roles: ['ROLES', 'list'],
  registration: ['REGISTRATION'],
  appUrl: ['APP_URL'],
  serviceName: ['SERVICE_NAME'],
  'mail.smtpUrl': ['SMTP_URL'],
  'mail.from': ['MAIL_FROM'],
  'mail.templates': ['MAIL_TEMPLATES'],
  'mail.notices': ['MAIL_NOTICES', 'list'],
  'mail.perRecipient': ['MAILS_PER_RECIPIENT', 'count'],
  'mail.perDay': ['MAILS_PER_DAY', 'count'],
  resetLinkTtl: ['RESET_LINK_TTL'],
  verificationLinkTtl: ['VERIFICATION_LINK_TTL'],
  invitationLinkTtl: ['INVITATION_LINK_TTL'],
  passwordBreachCheck: ['PASSWORD_BREACH_CHECK', 'switch'],
  passwordBreachUrl: ['PASSWORD_BREACH_URL'],
  passwordAttemptsPerHour: ['PASSWORD_ATTEMPTS_PER_HOUR', 'count'],
  rateLimit: ['RATE_LIMIT', 'switch'],
  operationTimeout: ['OPERATION_TIMEOUT'],
  httpStatus: ['HTTP_STATUS'],
  federation: ['FEDERATION', 'switch'],
  auditRetention: ['AUDIT_RETENTION'],
  clockSkew: ['CLOCK_SKEW'],
  revocationLease: ['REVOCATION_LEASE'],
  revocationViewLimit: ['REVOCATION_VIEW_LIMIT', 'count'],
  corsOrigins: ['CORS_ORIGINS', 'list'],
  trustProxy: ['TRUST_PROXY', 'proxies'],
  introspectionSecret: ['INTROSPECTION_SECRET'],
  revocationSecret: ['REVOCATION_SECRET'],
  followersPerNode: ['FOLLOWERS_PER_NODE', 'count'],
  'administrator.email': ['ADMIN_EMAIL'],
  'administrator.password': ['ADMIN_PASSWORD'],
  logLevel: ['LOG_LEVEL'],
};

/** The settings of the standalone server only: how it listens and logs. A service in an application has none of them. */
export const OWN_SERVER = ['HOST', 'PORT', 'METRICS_PORT', 'SHUTDOWN_DELAY', 'LOG_REQUESTS'];

const OPTION_OF = new Map(Object.entries(SETTINGS).map(([option, [setting]]) => [setting, option]));

/** Says in a sentence about settings how the options are called. */
export const aboutOptions = (sentence: string): string =>
  sentence.replace(/\b[A-Z][A-Z0-9_]+\b/g, (word) =>
    word === 'NODE_ENV' ? word : (OPTION_OF.get(word) ?? word),
  );

const isGroup = (name: string) => name === 'mail' || name === 'administrator';

/** Returns the options that are set, those in a group under a name with a dot. */
function flat(options: object, prefix = ''): [name: string, value: unknown][] {
  return Object.entries(options).flatMap(([name, value]: [string, unknown]) => {
    if (value === undefined) return [];
    if (prefix === '' && isGroup(name) && typeof value === 'object' && value !== null)
      return flat(value, `${name}.`);
    return [[`${prefix}${name}`, value] as [string, unknown]];
  });
}

/** Writes the value of an option as its setting; `undefined` if it has the wrong type. */
function textOf(kind: Kind, value: unknown): string | undefined {
  if (Array.isArray(value) && (kind === 'list' || kind === 'proxies')) return value.join(',');
  if (typeof value === 'boolean' && kind === 'switch') return value ? 'on' : 'off';
  if (typeof value === 'boolean' && kind === 'proxies') return String(value);
  if (typeof value === 'number' && (kind === 'count' || kind === 'proxies')) return String(value);
  return typeof value === 'string' && kind === 'text' ? value : undefined;
}

const TYPE_TEXT: Record<Kind, string> = {
  text: 'a text',
  count: 'a number',
  list: 'a list of texts',
  switch: 'true or false',
  proxies: 'a number, true, false or a list of addresses',
};

/** Reads settings, and adds their faults to those of the options. */
function readWith(env: Env, faults: string[]): Config | undefined {
  try {
    return readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.faults.map(aboutOptions));
    return undefined;
  }
}

/**
 * Reads options as the settings are read. Throws `ConfigError` with every fault.
 *
 * @param environment says whether this is production, if `production` is left out
 */
export function readOptions(options: ServiceOptions, environment: Env = readEnv()): Config {
  const { production = environment.NODE_ENV === 'production', ...rest } = options;
  const env: Record<string, string> = production ? { NODE_ENV: 'production' } : {};
  const faults: string[] = [];
  for (const [name, value] of flat(rest)) {
    const [setting, kind = 'text'] = SETTINGS[name] ?? [];
    const text = setting === undefined ? undefined : textOf(kind, value);
    if (setting === undefined) faults.push(`${name} is not an option.`);
    else if (text === undefined) faults.push(`${name} must be ${TYPE_TEXT[kind]}.`);
    // An empty list of notices means none of them, not all.
    else env[setting] = setting === 'MAIL_NOTICES' && text === '' ? 'none' : text;
  }
  const config = readWith(env, faults);
  if (faults.length > 0 || !config) throw new ConfigError(faults);
  return { ...config, warnings: config.warnings.map(aboutOptions) };
}

const valueOf = (kind: Kind, text: string): unknown => {
  switch (kind) {
    case 'count':
      return Number(text);
    case 'switch':
      return text === 'on';
    case 'list':
      return text === 'none' ? [] : text.split(',').map((item) => item.trim());
    case 'proxies':
      return /^(true|false)$/.test(text)
        ? text === 'true'
        : /^\d+$/.test(text)
          ? Number(text)
          : text.split(',');
    case 'text':
      return text;
  }
};

/**
 * Reads the options from environment variables, as docs/settings.md says. Throws `ConfigError` with every fault.
 *
 * @param env `process.env` if left out
 */
export function fromEnv(env: Env = readEnv()): ServiceOptions {
  const { production } = readConfig(env);
  const options: Record<string, unknown> = { production };
  for (const [name, [setting, kind = 'text']] of Object.entries(SETTINGS)) {
    const text = env[setting];
    if (!text) continue;
    const isExact = /(SECRET|PASSWORD)$/.test(setting);
    const value = valueOf(kind, isExact ? text : text.trim());
    const [group = '', member] = name.split('.');
    if (member === undefined) options[name] = value;
    else options[group] = { ...(options[group] as object | undefined), [member]: value };
  }
  return options;
}
