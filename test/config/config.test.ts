import { ConfigError } from '../../src/config/config-error';
import { readConfig } from '../../src/config/read-config';
import { shownSettings } from '../../src/config/shown-settings';
import { parseDuration } from '../../src/config/settings';

const OTHER_SECRET = 'mW8zLq4Xc7Vb2Nn5Kj9Hg3Fd6Sa1Pp0R';
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

test('without settings, the embedded mode starts with the documented defaults', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 4000,
    store: { mode: 'embedded', dataDir: '.tokenfence' },
    accessTokenTtl: 900,
    sessionsPerUser: 200,
    operationTimeout: 10_000,
    federation: false,
    httpStatus: 'errors',
    refreshTokenTtl: 14 * 86_400,
    sessionMaxAge: 90 * 86_400,
    revocationLease: 1000,
    clockSkew: 5000,
    rateLimit: true,
  });
});

test('all faults are named together, in plain sentences, without a secret', () => {
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
  ['Redis without a database', { REDIS_URL: 'redis://r' }, /REDIS_URL is set, but DATABASE_URL is not set/],
  ['production without a database', { NODE_ENV: 'production' }, /DATABASE_URL is not set, but production/],
  ['a misspelt database', { DATABSE_URL: 'postgres://db/x' }, /^DATABSE_URL .* Did you mean DATABASE_URL\?$/],
  ['a database in small letters', { database_url: 'postgres://db/x' }, /Did you mean DATABASE_URL/],
  [
    'a misspelt Redis',
    { DATABASE_URL: 'postgres://db/x', SECRET, REDIS_URI: 'redis://r' },
    /Did you mean REDIS_URL/,
  ],
  ['something close to production', { NODE_ENV: 'Production' }, /NODE_ENV is similar to "production"/],
  ['a value in quotes', { AUDIENCE: '"api"' }, /AUDIENCE is in quotes/],
  ['an issuer with a query', { ISSUER: 'https://a.example.com/?x=1' }, /ISSUER has a query/],
  ['an issuer with a password', { ISSUER: 'https://u:p@a.example.com' }, /ISSUER has a user/],
  ['an issuer with a slash at its end', { ISSUER: 'https://a.example.com/' }, /ISSUER ends with a slash/],
  ['a host with a port', { HOST: '0.0.0.0:4000' }, /HOST is "0.0.0.0:4000"/],
  ['a host in brackets', { HOST: '[::1]' }, /HOST is/],
  ['a host that is a URL', { HOST: 'http://localhost' }, /HOST is/],
  [
    'access tokens that outlive their session',
    { ACCESS_TOKEN_TTL: '2h', REFRESH_TOKEN_TTL: '1h' },
    /ACCESS_TOKEN_TTL is longer/,
  ],
  [
    'services that are given SECRET',
    { SECRET, INTROSPECTION_SECRET: SECRET },
    /INTROSPECTION_SECRET is the same/,
  ],
  ['systems that are given SECRET', { SECRET, REVOCATION_SECRET: SECRET }, /REVOCATION_SECRET is the same/],
  [
    'services that may end tokens',
    { INTROSPECTION_SECRET: OTHER_SECRET, REVOCATION_SECRET: OTHER_SECRET },
    /REVOCATION_SECRET is the same as INTROSPECTION_SECRET/,
  ],
  ['a bare % in an address', { DATABASE_URL: 'postgres://u:p%s@db/x', SECRET }, /DATABASE_URL has a %/],
  [
    'sentinels without a number of replicas',
    { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis-sentinel://r/mymaster', SECRET },
    /REDIS_WAIT_REPLICAS is not set/,
  ],
  [
    'a cluster without a number of replicas',
    { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'rediss-cluster://r,s', SECRET },
    /REDIS_WAIT_REPLICAS is not set/,
  ],
  [
    'the name of a database of Redis',
    { DATABASE_URL: 'postgres://db/x', REDIS_URL: 'redis://r/mymaster', SECRET },
    /REDIS_URL has a path that is not a database number/,
  ],
  ['a schema without a database', { DATABASE_SCHEMA: 'auth' }, /DATABASE_SCHEMA is set without DATABASE_URL/],
  [
    'a schema that would need quotes',
    { DATABASE_URL: 'postgres://db/x', SECRET, DATABASE_SCHEMA: 'My Auth' },
    /DATABASE_SCHEMA is "My Auth"\. Use at most 63 lower-case letters/,
  ],
  ['an idle lifetime past the absolute one', { REFRESH_TOKEN_TTL: '100d' }, /REFRESH_TOKEN_TTL is longer/],
  ['mail without a sender', { SMTP_URL: 'smtp://mx' }, /MAIL_FROM is not set/],
  ['another kind of mail server', { SMTP_URL: 'imap://mx', MAIL_FROM: 'a@b.example' }, /SMTP_URL must start/],
  ['a mail server with a path', { SMTP_URL: 'smtp://mx/x', MAIL_FROM: 'a@b.example' }, /SMTP_URL has a path/],
  ['a sender with a second header', { MAIL_FROM: 'a@b.example\r\nBcc: c@d.example' }, /MAIL_FROM is not a/],
  ['a sender without an address', { MAIL_FROM: 'Acme' }, /MAIL_FROM is not a sender/],
  ['two senders', { MAIL_FROM: 'a@b.example, c@d.example' }, /MAIL_FROM is not a sender/],
  ['a name of the service with two lines', { SERVICE_NAME: 'A\nB' }, /SERVICE_NAME must be one line/],
  ['an unknown notice', { MAIL_NOTICES: 'new-device, lunch' }, /MAIL_NOTICES names "lunch"/],
  ['pages with a query', { APP_URL: 'https://a.example.com/?x' }, /APP_URL has a query/],
  [
    'links to nowhere in production',
    { NODE_ENV: 'production', DATABASE_URL: 'embedded', SMTP_URL: 'smtp://mx', MAIL_FROM: 'a@b.example' },
    /APP_URL is not set/,
  ],
  [
    'verified emails without mail',
    { DATABASE_URL: 'postgres://db/x', SECRET, REGISTRATION: 'verified' },
    /REGISTRATION=verified needs mails/,
  ],
  ['a link without an end', { RESET_LINK_TTL: '365d' }, /RESET_LINK_TTL is 365d/],
  ['breached passwords at half a URL', { PASSWORD_BREACH_URL: 'https://a.example.com/x' }, /must be a URL/],
  ['a weak secret for revocation', { REVOCATION_SECRET: 'x' }, /REVOCATION_SECRET is too weak/],
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

test('real stores with a good secret are accepted', () => {
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

test('production runs the embedded mode when it is chosen by name', () => {
  const { store } = readConfig({ NODE_ENV: 'production', DATABASE_URL: 'embedded', DATA_DIR: '/data' });
  expect(store).toEqual({ mode: 'embedded', dataDir: '/data', secret: undefined });
});

test('a misspelt setting gives a warning, and common variables give none', () => {
  const common = {
    ...{ PATH: '/bin', HOME: '/root', HOSTNAME: 'web-1', PORTS: '1', HOSTS: 'x', USER: 'app', LANG: 'C' },
    ...{ POSTGRES_PORT: '5432', POSTGRES_PASSWORD: 'x', REDIS_PORT: '6379', REDIS_PASSWORD: 'x' },
    ...{ PGHOST: 'x', NODE_OPTIONS: 'x', npm_config_audit: '', SHLVL: '1', TERM: 'xterm', PWD: '/' },
    ...{ KUBERNETES_SERVICE_HOST: 'x', KUBERNETES_PORT: 'x', AWS_REGION: 'x', DYNO: 'web.1', TZ: 'UTC' },
  };
  expect(readConfig(common).warnings).toEqual([]);
  expect(readConfig({ CORS_ORIGIN: 'https://a.example.com', ISUER: 'https://x' }).warnings).toEqual([
    'CORS_ORIGIN is not a setting. Did you mean CORS_ORIGINS?',
    'ISUER is not a setting. Did you mean ISSUER?',
  ]);
  // If the right one is also set, the other belongs to another program.
  expect(
    readConfig({ LOG_LEVELS: 'x', LOG_LEVEL: 'warn', AUDIENCES: 'x', AUDIENCE: 'api' }).warnings,
  ).toEqual([]);
});

test('production warns about settings that are rarely intended there', () => {
  const mail = { SMTP_URL: 'smtps://mx', MAIL_FROM: 'a@b.example', APP_URL: 'https://app.example.com' };
  const production = { NODE_ENV: 'production', DATABASE_URL: 'embedded', ...mail };
  expect(readConfig({ ...production, RATE_LIMIT: 'off' }).warnings).toEqual([
    expect.stringMatching(/^ISSUER is not set/),
    expect.stringMatching(/^RATE_LIMIT is off/),
  ]);
  expect(readConfig({ ...production, ISSUER: 'http://a.example.com' }).warnings).toEqual([
    expect.stringMatching(/^ISSUER is not https/),
  ]);
  const good = { ...production, ISSUER: 'https://a.example.com' };
  expect(readConfig(good).warnings).toEqual([]);
  expect(readConfig({ ...good, APP_URL: 'http://app.example.com' }).warnings).toEqual([
    expect.stringMatching(/^APP_URL is not https/),
  ]);
  expect(readConfig({ ...good, SMTP_URL: '', MAIL_FROM: '' }).warnings).toEqual([
    expect.stringMatching(/^SMTP_URL is not set: mails are printed/),
  ]);
  const servers = { DATABASE_URL: 'postgres://db/x', SECRET };
  expect(readConfig({ ...good, ...servers, SMTP_URL: '', MAIL_FROM: '' }).warnings).toEqual([
    expect.stringMatching(/^SMTP_URL is not set: users cannot/),
  ]);
});

test('space around a value is removed, except around secrets', () => {
  expect(readConfig({ AUDIENCE: ' api\n', PORT: '4001 ' })).toMatchObject({ audience: 'api', port: 4001 });
  expect(readConfig({ SECRET: ` ${SECRET}` }).store).toMatchObject({ secret: ` ${SECRET}` });
});

test('CORS_ORIGINS accepts the origins of packaged apps as they are sent', () => {
  const origins = [
    'https://app.example.com',
    'http://[::1]:3000',
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    'moz-extension://6c1e1d0c-25c6-4a1b-a1ef-7d0d9b9c7b11',
    'app://-',
  ];
  expect(readConfig({ CORS_ORIGINS: origins.join(', ') }).corsOrigins).toEqual(origins);
});

test.each([
  'null',
  '*',
  'capacitor://',
  'capacitor://*',
  'capacitor://localhost/',
  'capacitor://user@localhost',
  'capacitor:localhost',
  'file://',
  'file://localhost',
  'https://app.example.com/',
  'https://APP.example.com',
  'https://app.example.com:443',
  'data:text/html,x',
])('CORS_ORIGINS refuses %s', (origin) => {
  expect(() => readConfig({ CORS_ORIGINS: origin })).toThrow(/^[^]*CORS_ORIGINS names .* not an origin/);
});

test.each([
  ['Acme <no-reply@acme.example>', { name: 'Acme', address: 'no-reply@acme.example' }],
  ['"Acme, Inc." <no-reply@acme.example>', { name: 'Acme, Inc.', address: 'no-reply@acme.example' }],
  ['no-reply@acme.example', { name: '', address: 'no-reply@acme.example' }],
])('%s is a sender', (text, from) => {
  expect(readConfig({ MAIL_FROM: text }).mail.from).toEqual(from);
});

test('mails are printed only in the embedded mode, and no log shows the address of the mail server', () => {
  const wayOf = (env: Record<string, string>) => readConfig(env).mail.delivery.way;
  const servers = { DATABASE_URL: 'postgres://db/x', SECRET };
  const smtp = { SMTP_URL: 'smtps://u:hunter2@mx:465', MAIL_FROM: 'a@b.example' };
  expect([wayOf({}), wayOf(servers), wayOf({ ...servers, ...smtp }), wayOf(smtp)]).toEqual([
    'print',
    'none',
    'smtp',
    'smtp',
  ]);
  expect(JSON.stringify(shownSettings(readConfig(smtp)))).not.toContain('hunter2');
});

test('MAIL_NOTICES are all by default, or those that are named, or none', () => {
  const noticesOf = (text: string) => readConfig({ MAIL_NOTICES: text }).mail.notices;
  expect(noticesOf('')).toHaveLength(4);
  expect(noticesOf('session-reused, new-device')).toEqual(['new-device', 'session-reused']);
  expect(noticesOf('none')).toEqual([]);
});

test('ROLES names the roles of the application, and every fault in it is named', () => {
  expect(readConfig({ ROLES: 'EDITOR, LEVEL_2' }).roles).toEqual(['EDITOR', 'LEVEL_2']);
  expect(readConfig({}).roles).toEqual([]);
  const long = 'A'.repeat(33);
  const faults = faultsOf({ ROLES: `editor,ADMIN,EDITOR,EDITOR,2ND,${long}` });
  for (const named of ['"editor"', 'ADMIN, which every', 'EDITOR twice', '"2ND"', `"${long}"`])
    expect(faults).toContainEqual(expect.stringContaining(`ROLES names ${named}`));
  expect(faults).toHaveLength(5);
  const many = Array.from({ length: 33 }, (_, index) => `R${index}`).join(',');
  expect(faultsOf({ ROLES: many })).toEqual([expect.stringContaining('names 33 roles')]);
});
