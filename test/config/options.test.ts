import type { ServiceOptions } from '../../src/config/options';
import { ConfigError } from '../../src/config/config-error';
import { readConfig } from '../../src/config/read-config';
import { fromEnv, OWN_SERVER, readOptions } from '../../src/config/read-options';

const SECRET = 'kT9vQx2mLp7Rw4Zs8Yb3Nc6Hd1Jf5Gg0';

const faultsOf = (read: () => unknown): readonly string[] => {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
};

/** Every setting that an option has, with a value that is not its default. */
const ENV = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://app@db.example.com/app',
  DATABASE_SCHEMA: 'auth',
  DATABASE_POOL_SIZE: '7',
  REDIS_URL: 'redis://redis.example.com',
  REDIS_WAIT_REPLICAS: '1',
  SECRET,
  ISSUER: 'https://auth.example.com',
  AUDIENCE: 'shop',
  ACCESS_TOKEN_TTL: '5m',
  REFRESH_TOKEN_TTL: '7d',
  SESSION_MAX_AGE: '30d',
  SESSIONS_PER_USER: '9',
  ROLES: 'EDITOR, REVIEWER',
  REGISTRATION: 'verified',
  APP_URL: 'https://app.example.com',
  SERVICE_NAME: 'Shop',
  SMTP_URL: 'smtps://mail.example.com',
  MAIL_FROM: 'Shop <no-reply@example.com>',
  MAIL_TEMPLATES: '/etc/mails',
  MAIL_NOTICES: 'none',
  MAILS_PER_RECIPIENT: '3',
  MAILS_PER_DAY: '300',
  RESET_LINK_TTL: '30m',
  VERIFICATION_LINK_TTL: '12h',
  INVITATION_LINK_TTL: '3d',
  PASSWORD_BREACH_CHECK: 'on',
  PASSWORD_BREACH_URL: 'https://breaches.example.com/range/',
  PASSWORD_ATTEMPTS_PER_HOUR: '77',
  RATE_LIMIT: 'off',
  OPERATION_TIMEOUT: '4s',
  HTTP_STATUS: '200',
  FEDERATION: 'on',
  AUDIT_RETENTION: '90d',
  CLOCK_SKEW: '2s',
  REVOCATION_LEASE: '2s',
  REVOCATION_VIEW_LIMIT: '5000',
  CORS_ORIGINS: 'https://a.example.com,https://b.example.com',
  TRUST_PROXY: '10.0.0.0/8,127.0.0.1',
  INTROSPECTION_SECRET: 'introspect: 4tQz8LmW2xR7vK1pB9cD',
  REVOCATION_SECRET: 'to end tokens: 8uRz3KqW5xN1vL7pB2mD',
  FOLLOWERS_PER_NODE: '70',
  ADMIN_EMAIL: 'ada@example.com',
  ADMIN_PASSWORD: ' correct horse battery ',
  LOG_LEVEL: 'warn',
};

test('options from the environment mean what the settings mean, each of them', () => {
  const asked = new Set<string>();
  readConfig(new Proxy<Record<string, string>>({}, { get: (_env, name) => void asked.add(String(name)) }));
  for (const name of ['DATA_DIR', ...OWN_SERVER]) asked.delete(name);
  expect(Object.keys(ENV).sort()).toEqual([...asked].sort());

  const options = fromEnv(ENV);
  expect(options).toMatchObject({
    production: true,
    databasePoolSize: 7,
    roles: ['EDITOR', 'REVIEWER'],
    mail: { notices: [], perDay: 300 },
    passwordBreachCheck: true,
    rateLimit: false,
    trustProxy: ['10.0.0.0/8', '127.0.0.1'],
    administrator: { email: 'ada@example.com', password: ' correct horse battery ' },
  });
  expect(readOptions(options, {})).toEqual({
    ...readConfig(ENV),
    warnings: ['rateLimit is off: attempts at passwords are not limited.'],
  });
  expect(readOptions(fromEnv({ DATA_DIR: '/var/lib/auth' }), {})).toEqual(
    readConfig({ DATA_DIR: '/var/lib/auth' }),
  );
});

test('without options the embedded mode has its defaults, and only NODE_ENV is read from the environment', () => {
  expect(readOptions({}, { PORT: 'wrong', DATABASE_URL: 'wrong' })).toEqual(readConfig({}));
  const faults = faultsOf(() => readOptions({}, { NODE_ENV: 'production' }));
  expect(faults).toEqual([expect.stringMatching(/^databaseUrl /)]);
  expect(faultsOf(() => readOptions({ production: false }, { NODE_ENV: 'production' }))).toEqual([]);
});

test('every fault of the options is named at once, by option, without a secret', () => {
  const options = {
    databaseUrl: 'mysql://root:hunter2@db/x',
    redisUrl: 'nonsense',
    secret: 'weak-secret-hunter2',
    accessTokenTtl: '15',
    sessionsPerUser: 'many',
    roles: 'EDITOR',
    rateLimit: 'off',
    corsOrigins: ['*'],
    trustProxy: {},
    mail: { smtpURL: 'smtp://mail', perDay: 0 },
    administrator: { email: 'a@example.com' },
    port: 4000,
    databaseURL: 'postgres://typo',
  } as unknown as ServiceOptions;
  const faults = faultsOf(() => readOptions(options, {}));
  const named = [
    ...['databaseUrl', 'redisUrl', 'secret', 'accessTokenTtl', 'sessionsPerUser', 'roles', 'rateLimit'],
    ...['corsOrigins', 'trustProxy', 'mail.smtpURL', 'mail.perDay', 'administrator.email', 'port'],
    'databaseURL',
  ];
  expect(faults.map((fault) => fault.split(' ')[0]).sort()).toEqual(named.sort());
  expect(faults.join(' ')).not.toMatch(/hunter2|[A-Z]+_[A-Z]+/);
});

test('every fault of the environment is named at once, by setting', () => {
  expect(faultsOf(() => fromEnv({ ACCESS_TOKEN_TTL: 'soon', LOG_LEVEL: 'loud', ROLES: 'editor' }))).toEqual(
    ['LOG_LEVEL', 'ACCESS_TOKEN_TTL', 'ROLES'].map((name) => expect.stringContaining(name)),
  );
});
