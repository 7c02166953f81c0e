import { ConfigError, readConfig } from '../../src/config/config';
import { parseDuration } from '../../src/config/settings';

const SECRET = 'kT9vQx2mLp7Rw4Zs8Yb3Nc6Hd1Jf5Gg0';
const faultsOf = (env: Record<string, string>) => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
};

test('with nothing set it is the embedded mode with the documented defaults', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 4000,
    store: { mode: 'embedded', dataDir: '.tokenfence' },
    accessTokenTtl: 900,
    refreshTokenTtl: 14 * 86_400,
    sessionMaxAge: 90 * 86_400,
    revocationLease: 1000,
    clockSkew: 5000,
    rateLimit: true,
  });
});

test('every fault is named at once, in plain sentences, and no secret is repeated', () => {
  const faults = faultsOf({
    DATABASE_URL: 'mysql://root:hunter2@db/x',
    REDIS_URL: 'nonsense',
    PORT: '70000',
    ACCESS_TOKEN_TTL: '15',
    CLOCK_SKEW: '1h',
    CORS_ORIGINS: 'https://app.example.com/,*',
    SECRET: 'weak-secret-hunter2',
    ADMIN_EMAIL: 'a@b.c',
    RATE_LIMIT: 'sometimes',
    LOG_LEVEL: 'loud',
    TRUST_PROXY: 'my-proxy',
  });
  expect(faults).toHaveLength(12);
  for (const name of [
    'DATABASE_URL',
    'REDIS_URL',
    'PORT',
    'ACCESS_TOKEN_TTL',
    'CLOCK_SKEW',
    'SECRET',
    'ADMIN_PASSWORD',
    'RATE_LIMIT',
    'LOG_LEVEL',
  ]) {
    expect(faults.some((fault) => fault.includes(name))).toBe(true);
  }
  expect(faults.join()).not.toContain('hunter2');
  for (const fault of faults) expect(fault).toMatch(/^[A-Z_]+ .*[.a-z0-9]$/);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['a server’s database without a secret', { DATABASE_URL: 'postgres://db/x' }, /SECRET is not set/],
  ['a short secret', { DATABASE_URL: 'postgres://db/x', SECRET: 'short' }, /SECRET is too weak/],
  [
    'a secret of one letter',
    { DATABASE_URL: 'postgres://db/x', SECRET: 'a'.repeat(64) },
    /SECRET is too weak/,
  ],
  ['Redis without a database', { REDIS_URL: 'redis://r' }, /REDIS_URL is set without DATABASE_URL/],
  ['a bare % in an address', { DATABASE_URL: 'postgres://u:p%s@db/x', SECRET }, /DATABASE_URL has a %/],
  [
    'the name of a database of Redis',
    { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis://r/mymaster', SECRET },
    /REDIS_URL has something behind its host/,
  ],
  ['a schema without a database', { DATABASE_SCHEMA: 'auth' }, /DATABASE_SCHEMA is set without DATABASE_URL/],
  [
    'a schema that would need quotes',
    { DATABASE_URL: 'postgres://db/x', SECRET, DATABASE_SCHEMA: 'My Auth' },
    /DATABASE_SCHEMA is "My Auth"\. Use lower-case letters/,
  ],
  ['an idle lifetime past the absolute one', { REFRESH_TOKEN_TTL: '100d' }, /REFRESH_TOKEN_TTL is longer/],
  ['a weak secret for introspection', { INTROSPECTION_SECRET: 'x' }, /INTROSPECTION_SECRET is too weak/],
])('%s stops the start', (_what, env, sentence) => {
  expect(faultsOf(env)).toEqual([expect.stringMatching(sentence)]);
});

test.each<[string, unknown]>([
  ['', false],
  ['false', false],
  ['0', false],
  ['true', 1],
  ['2', 2],
  ['12', 12],
  ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
  ['loopback', ['loopback']],
])('TRUST_PROXY=%s believes %j', (text, trustProxy) => {
  expect(readConfig({ TRUST_PROXY: text })).toMatchObject({ trustProxy });
});

test('real stores with a good secret will do', () => {
  expect(readConfig({ DATABASE_URL: 'postgres://db/x', REDIS_URL: 'rediss://r', SECRET }).store).toEqual({
    mode: 'servers',
    databaseUrl: 'postgres://db/x',
    schema: 'public',
    redisUrl: 'rediss://r',
    secret: SECRET,
  });
});

test.each(['yes', '-1', '1.5', '2,3', '100', '10.0.0.0/99', 'proxy.internal'])(
  'TRUST_PROXY=%s is refused',
  (text) => {
    expect(faultsOf({ TRUST_PROXY: text })[0]).toMatch(/^TRUST_PROXY names/);
  },
);

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['15m', 900_000],
  ['12h', 43_200_000],
  ['14d', 1_209_600_000],
  ['15', undefined],
  ['m', undefined],
  ['-1s', undefined],
  ['1.5h', undefined],
  ['1 h', undefined],
])('the duration %s is %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});
