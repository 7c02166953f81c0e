import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Env } from '../../src/config/env';
import { readVerifySettings } from '../../src/verify/settings';

const SECRET = 'between services: 4Hk8sWq2Zt6Yv0Lm';
const FOLLOWS: Env = { INTROSPECTION_SECRET: SECRET };

/** The sentences about settings that cannot be used. */
function faultsOf(env: Env): readonly string[] {
  try {
    readVerifySettings(env);
    return [];
  } catch (error) {
    return (error as { faults: readonly string[] }).faults;
  }
}

test('with only the secret, a guard follows the server of a start without settings', () => {
  expect(readVerifySettings(FOLLOWS)).toEqual({
    host: '127.0.0.1',
    port: 4010,
    shutdownDelay: 5000,
    logLevel: 'info',
    guard: {
      issuer: 'http://localhost:4000',
      audience: 'api',
      secret: SECRET,
      viewLimit: 2_000_000,
      clockSkew: 5000,
      allowInsecure: false,
    },
    introspection: { url: 'http://localhost:4000/oauth/introspect', secret: SECRET },
    warnings: [],
  });
});

test('each setting reaches the guard', () => {
  const { guard, introspection, ...more } = readVerifySettings({
    ...FOLLOWS,
    ISSUER: 'https://auth.example.com',
    AUDIENCE: 'https://api.example.com',
    SERVER_URL: 'http://auth.internal:4000',
    JWKS_URL: 'http://auth.internal:4000/keys',
    REDIS_URL: 'redis://redis.internal',
    INTROSPECTION_URL: 'http://auth.internal:4000/ask',
    HOST: '0.0.0.0',
    PORT: '80',
    VIEW: 'off',
    REVOCATION_VIEW_LIMIT: '1000',
    CLOCK_SKEW: '1s',
    SHUTDOWN_DELAY: '10s',
    LOG_LEVEL: 'warn',
    ALLOW_INSECURE: 'on',
  });
  const asked = { url: 'http://auth.internal:4000/ask', secret: SECRET, rememberFor: 0 };
  expect(guard).toEqual({
    issuer: 'https://auth.example.com',
    audience: 'https://api.example.com',
    secret: SECRET,
    server: 'http://auth.internal:4000',
    jwks: 'http://auth.internal:4000/keys',
    redis: 'redis://redis.internal',
    introspection: asked,
    view: false,
    viewLimit: 1000,
    clockSkew: 1000,
    allowInsecure: true,
  });
  expect(introspection).toEqual(asked);
  expect(more).toEqual({ host: '0.0.0.0', port: 80, shutdownDelay: 10_000, logLevel: 'warn', warnings: [] });
});

test('with INTROSPECTION_URL and no SERVER_URL, the secret is only for asking, and no answer is remembered', () => {
  const asking = { ...FOLLOWS, INTROSPECTION_URL: 'http://127.0.0.1:4000/oauth/introspect' };
  const { guard } = readVerifySettings({ ...asking, JWKS_URL: 'http://127.0.0.1:4000/jwks' });
  expect(guard).toMatchObject({ introspection: { rememberFor: 0 } });
  expect(guard).not.toHaveProperty('secret');
  expect(faultsOf(asking)).toEqual(['JWKS_URL is missing: use the URL of the key set.']);
});

test('every fault is named at once, in the words of the settings, without a secret', () => {
  expect(
    faultsOf({
      INTROSPECTION_SECRET: 'weak',
      SERVER_URL: 'http://auth.internal',
      REDIS_URL: 'redis://:password@redis.internal',
      INTROSPECTION_URL: 'ftp://auth.internal',
      JWKS_URL: 'http://keys.internal',
      PORT: '70000',
      VIEW: 'maybe',
      CLOCK_SKEW: '5',
      LOG_LEVEL: 'loud',
      ALLOW_INSECURE: 'true',
      REVOCATION_VIEW_LIMIT: '0',
      HOST: 'http://x',
    }),
  ).toEqual([
    expect.stringMatching(/^INTROSPECTION_SECRET is too weak/),
    'VIEW is "maybe". It must be one of on, off.',
    'REVOCATION_VIEW_LIMIT is "0". It must be a whole number from 1 to 100000000.',
    expect.stringMatching(/^CLOCK_SKEW is "5"/),
    'ALLOW_INSECURE is "true". It must be one of on, off.',
    expect.stringMatching(/^HOST is "http:\/\/x"/),
    'PORT is "70000". It must be a whole number from 0 to 65535.',
    expect.stringMatching(/^LOG_LEVEL is "loud"/),
    'JWKS_URL is not encrypted: use https://, or set ALLOW_INSECURE=on.',
    'SERVER_URL is not encrypted: use https://, or set ALLOW_INSECURE=on.',
    expect.stringMatching(/^REDIS_URL is not encrypted: .*ALLOW_INSECURE=on\.$/),
    'INTROSPECTION_URL must start with https:// or http://.',
  ]);
});

test.each<[Env, string]>([
  [
    {},
    'Revocations have no source: set INTROSPECTION_SECRET. If no node can be followed, set REDIS_URL or INTROSPECTION_URL.',
  ],
  [{ SERVER_URL: 'http://127.0.0.1' }, 'SERVER_URL needs INTROSPECTION_SECRET, that of the auth server.'],
  [
    { ...FOLLOWS, ISSUER: 'http://auth.internal' },
    'ISSUER is not encrypted: use https://, or set ALLOW_INSECURE=on.',
  ],
  [{ REDIS_URL: 'redis://127.0.0.1' }, 'JWKS_URL is missing: use the URL of the key set.'],
  [
    { INTROSPECTION_URL: 'http://127.0.0.1' },
    'INTROSPECTION_SECRET is missing: use that of the auth server.',
  ],
  [
    { REDIS_URL: 'redis://127.0.0.1', JWKS_URL: 'http://127.0.0.1', VIEW: 'off' },
    'VIEW=off needs INTROSPECTION_SECRET as well as REDIS_URL, for users without a record in Redis.',
  ],
  [{ ...FOLLOWS, REDIS_URI: 'redis://127.0.0.1' }, 'REDIS_URI is not a setting. Did you mean REDIS_URL?'],
  [{ ...FOLLOWS, SERVER_ULR: 'http://127.0.0.1' }, 'SERVER_ULR is not a setting. Did you mean SERVER_URL?'],
])('%j does not start a guard', (env, fault) => {
  expect(faultsOf(env)).toContain(fault);
});

test('a misspelt setting that changes no source is a warning', () => {
  expect(readVerifySettings({ ...FOLLOWS, AUDIENSE: 'x' }).warnings).toEqual([
    'AUDIENSE is not a setting. Did you mean AUDIENCE?',
  ]);
});

test('the page lists every setting that is read, and no other', () => {
  const asked = new Set<string>();
  const env = new Proxy<Env>(
    {},
    {
      get: (_env, name) => {
        asked.add(String(name));
        return name === 'INTROSPECTION_SECRET' ? SECRET : undefined;
      },
    },
  );
  readVerifySettings(env);
  const page = readFileSync(join(__dirname, '../../docs/verify.md'), 'utf8');
  const section = page.slice(page.indexOf('## Settings'), page.indexOf('## Limits'));
  const listed = [...section.matchAll(/^\| `([A-Z_]+)` /gm)].map(([, name]) => name);
  expect(listed.sort()).toEqual([...asked].sort());
});
