import { generateKeyPairSync } from 'node:crypto';
import { Redis, type RedisOptions } from 'ioredis';
import { createGuard, type ServiceGuard } from '../../src/create-guard';
import type { AuthResult } from '../../src/guard/guard';
import type { GuardOptions } from '../../src/guard/guard-options';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { startRedis } from '../support/servers';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';

const ISSUER = 'https://auth.example.com';

let world: World;
let node: TestNode;
const guards: ServiceGuard[] = [];
let count = 0;

beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ISSUER });
});
afterEach(async () => {
  for (const guard of guards.splice(0)) await guard.close();
});
afterAll(() => world.close());

const newGuard = async (options: Partial<GuardOptions> = {}) => {
  const guard = await createGuard({
    issuer: ISSUER,
    audience: 'api',
    jwks: `${node.url}/.well-known/jwks.json`,
    redis: world.redisUrl,
    ...options,
  });
  guards.push(guard);
  return guard;
};
const newJwk = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
});
/** A client that is never connected. */
const clientTo = (options: RedisOptions) => new Redis({ ...options, lazyConnect: true });
const current = (guard: ServiceGuard) =>
  eventually(() => expect(guard.status()).toMatchObject({ view: 'current', redis: 'reached' }));
const newUser = () => node.api.register(`guarded${++count}@example.com`);
const ask = (guard: ServiceGuard, { accessToken }: Tokens) => guard.authenticate(`Bearer ${accessToken}`);

test('a logout that was confirmed is final in the service as well, at its next request', async () => {
  const guard = await newGuard();
  await current(guard);
  for (let i = 0; i < 10; i++) {
    const tokens = await newUser();
    expect(await ask(guard, tokens)).toMatchObject({
      ok: true,
      principal: { userId: tokens.user.id, role: 'USER' },
    });
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, tokens)).ok).toBe(false);
    await current(guard);
    expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  }
});

test('what was revoked before the service started is refused, in an epoch of before and in a new one', async () => {
  const tokens = await newUser();
  const stays = await newUser();
  await node.api.end('logoutEverywhere', tokens.accessToken);
  const guard = await newGuard();
  await current(guard);
  expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  const redis = new Redis(world.redisUrl!);
  await redis.flushdb();
  redis.disconnect();
  const later = await newGuard();
  await eventually(() => current(later), 60_000);
  for (const each of [guard, later]) {
    await current(each);
    expect(await ask(each, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
    expect((await ask(each, stays)).ok).toBe(true);
  }
}, 90_000);

test('a revoked key is worth nothing at once', async () => {
  const guard = await newGuard();
  await current(guard);
  const root = await node.api.login(ADMIN.email, ADMIN.password);
  expect((await ask(guard, root)).ok).toBe(true);
  const answer = await node.api.send(
    'mutation { rotateSigningKey(revokeOld: true) { id } }',
    {},
    root.accessToken,
  );
  expect(answer.extensions?.revocations).toMatchObject([{ confirmed: true }]);
  await current(guard);
  expect(await ask(guard, root)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  const again = await node.api.login(ADMIN.email, ADMIN.password);
  await eventually(async () => expect((await ask(guard, again)).ok).toBe(true), 20_000);
});

test('made-up key ids are TOKEN_INVALID at once, and do not keep a new key from being known', async () => {
  const guard = await newGuard();
  await current(guard);
  const root = await node.api.login(ADMIN.email, ADMIN.password);
  let forged = 0;
  const forge = () => {
    const [, payload, signature] = root.accessToken.split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: `made-up-${++forged}` }));
    return guard.authenticate(`Bearer ${header.toString('base64url')}.${payload}.${signature}`);
  };
  for (let i = 0; i < 200; i++) expect(await forge()).toMatchObject({ code: 'TOKEN_INVALID' });
  await node.api.send('mutation { rotateSigningKey(revokeOld: true) { id } }', {}, root.accessToken);
  const again = await node.api.login(ADMIN.email, ADMIN.password);
  const answers: AuthResult[] = [];
  await eventually(async () => {
    await forge();
    answers.push(await ask(guard, again));
    expect(answers.at(-1)?.ok).toBe(true);
  }, 20_000);
  // Until its key is known nothing can be told of it: it is never called bad.
  for (const answer of answers.slice(0, -1)) expect(answer).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

test('a listener hears of each revocation and whether it is from before the guard began, though another one fails', async () => {
  // By this clock, the guard has begun when all that is revoked now is long past.
  const ahead = { now: () => Date.now() + 5 * 60_000, monotonic: () => performance.now() };
  const [guard, later] = [await newGuard(), await newGuard({ clock: ahead })];
  const heard: [string, string, boolean][] = [];
  for (const [name, each] of Object.entries({ guard, later })) {
    await current(each);
    each.onRevocation(() => {
      throw new Error('a fault of the service');
    });
    each.onRevocation((entry, isNews) => {
      if (entry.kind === 'SESSION') heard.push([name, entry.sessionId, isNews]);
    });
  }
  const { accessToken, session } = await newUser();
  await node.api.end('logout', accessToken);
  await eventually(() => expect(heard).toHaveLength(2));
  expect(heard.sort()).toEqual([
    ['guard', session.id, true],
    ['later', session.id, false],
  ]);
});

test('it takes a client that the service has already, and leaves it alone', async () => {
  const client = new Redis(world.redisUrl!, { keyPrefix: 'mine:' });
  const guard = await newGuard({ redis: client });
  await current(guard);
  const tokens = await newUser();
  expect((await ask(guard, tokens)).ok).toBe(true);
  await guard.close();
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
});

test.each<[string, () => Redis]>([
  ['made of a URL with TLS', () => new Redis('rediss://cache.example.com', { lazyConnect: true })],
  ['with TLS', () => clientTo({ host: 'cache.example.com', tls: {} })],
  ['to this machine', () => clientTo({ port: 1 })],
  ['to a socket of this machine', () => clientTo({ path: '/nowhere/redis.sock' })],
  [
    'of sentinels, with TLS to the primary',
    () => clientTo({ sentinels: [{ host: 'cache' }], name: 'main', tls: {}, enableTLSForSentinelMode: true }),
  ],
])('a client %s needs no word of allowInsecure', async (_what, client) => {
  const guard = await newGuard({ redis: client() });
  expect(guard.status().redis).toBe('away');
});

test('a service that stops is not waited for', async () => {
  const guard = await newGuard();
  await current(guard);
  await guard.close();
  expect(guard.status().view).toBe('not current');
  const tokens = await newUser();
  expect((await ask(guard, tokens)).ok).toBe(false);
});

test('with nothing to ask, a token is answered by SERVICE_UNAVAILABLE, neither accepted nor called revoked', async () => {
  const guard = await newGuard({ redis: 'redis://127.0.0.1:1' });
  expect(guard.status()).toMatchObject({ view: 'not current', redis: 'away' });
  expect(await ask(guard, await newUser())).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
  const keyless = await newGuard({ jwks: 'http://127.0.0.1:1/jwks.json' });
  expect(await ask(keyless, await newUser())).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
  expect(await keyless.authenticate(undefined)).toEqual({ ok: false, code: 'TOKEN_MISSING' });
  expect(await keyless.authenticate('Bearer nonsense')).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test.each<[string, object, RegExp]>([
  ['no issuer', { issuer: '' }, /issuer is missing/],
  ['no keys', { jwks: { keys: [] } }, /jwks is missing/],
  [
    'keys by an address that is not encrypted',
    { jwks: 'http://auth.example.com/jwks' },
    /jwks is not encrypted.*allowInsecure/,
  ],
  ['Redis by one', { redis: 'redis://cache.example.com' }, /redis is not encrypted.*allowInsecure/],
  ['something that is no client', { redis: {} }, /must be a URL or an ioredis client/],
  ['a client of another library', { redis: { duplicate: () => ({}), options: {} } }, /must be a URL or an/],
  ['a client whose wire is bare', { redis: clientTo({ host: 'cache' }) }, /client that does not encrypt/],
  [
    'a client that accepts any certificate',
    { redis: clientTo({ host: 'cache', tls: { rejectUnauthorized: false } }) },
    /accepts any certificate/,
  ],
  [
    'a client whose sentinels lead to a bare wire',
    { redis: clientTo({ sentinels: [{ host: '127.0.0.1' }], name: 'main', tls: {} }) },
    /client that does not encrypt/,
  ],
  ['keys that are none', { jwks: { keys: [null, 1, { kty: 'RSA', kid: 'a' }] } }, /no usable key/],
  [
    'a key that is no point on the curve',
    { jwks: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'a', x: 'AA', y: 'AA' }] } },
    /no usable key/,
  ],
  [
    'a key whose database nobody can tell, beside Redis',
    { jwks: { keys: [newJwk('a')] } },
    /no kid that names a database/,
  ],
  ['a leeway that is a text', { clockSkew: '5000' }, /clockSkew must be a number/],
  ['an endless leeway', { clockSkew: NaN }, /clockSkew must be a number/],
  ['no introspection at all', { introspection: null }, /introspection must be \{ url, secret \}/],
  [
    'a memory that is a text',
    { introspection: { url: 'https://a', secret: 'x', rememberFor: '5000' } },
    /rememberFor must be/,
  ],
  [
    'a misspelt option of introspection',
    { introspection: { url: 'https://a', secret: 'x', remember: 1 } },
    /Unknown option introspection\.remember/,
  ],
  ['a clock that has no hands', { clock: {} }, /clock must have/],
  ['a logger that cannot write', { logger: {} }, /logger must have/],
  ['metrics that cannot count', { metrics: {} }, /metrics must have/],
  ['an option that every object has', { constructor: 1 }, /Unknown option constructor/],
  ['nothing to ask', { redis: undefined }, /Revocations have no source/],
  ['a view without Redis', { redis: undefined, view: true }, /view: true needs redis/],
  ['neither view nor introspection', { view: false }, /view: false needs introspection/],
  ['to fail open', { whenUnavailable: 'allow' }, /must be 'deny'/],
  ['a misspelt option', { isuer: 'x' }, /Unknown option isuer/],
])('%s is refused at once, with a sentence', async (_what, options, sentence) => {
  await expect(newGuard(options as Partial<GuardOptions>)).rejects.toThrow(sentence);
});

test('no options at all are refused like wrong ones', async () => {
  for (const nothing of [undefined, null, 'redis'])
    await expect(createGuard(nothing as never)).rejects.toMatchObject({ name: 'GuardOptionsError' });
});

test('it resolves in time though a clock that was given stands still', async () => {
  const now = Date.now();
  const guard = await newGuard({
    redis: 'redis://127.0.0.1:1',
    clock: { now: () => now, monotonic: () => 0 },
  });
  expect(guard.status().view).toBe('not current');
});

test('every fault is named at once, and no password with it', async () => {
  const refused = newGuard({ issuer: '', audience: '', redis: 'redis://:hunter2@cache.example.com' });
  await expect(refused).rejects.toMatchObject({ name: 'GuardOptionsError', faults: { length: 3 } });
  await expect(refused).rejects.not.toThrow(/hunter2/);
});

test.each<[string, GuardOptions['redis'] | (() => GuardOptions['redis'])]>([
  ['a bare % in the password', 'redis://:pa%ss-hunter2@127.0.0.1:1'],
  ['the name of a database', 'redis://127.0.0.1:1/hunter2'],
  ['the number of a database that Redis does not have', () => `${new URL(world.redisUrl ?? '').origin}/99`],
  [
    'a client whose db is not a number',
    () => new Redis('redis://127.0.0.1:1/hunter2', { lazyConnect: true }),
  ],
])('%s in redis is refused like any other option', async (_what, redis) => {
  const refused = newGuard({ redis: typeof redis === 'function' ? redis() : redis });
  await expect(refused).rejects.toMatchObject({
    name: 'GuardOptionsError',
    faults: [expect.stringMatching(/^redis /)],
  });
  await expect(refused).rejects.not.toThrow(/hunter2/);
});

test('on a cluster, it needs the one server that holds the keys of its database', async () => {
  const server = await startRedis([
    ...['--cluster-enabled', 'yes'],
    // Most slots are with servers that this one has never heard of.
    ...['--cluster-require-full-coverage', 'no'],
  ]);
  const direct = new Redis(server.url);
  const clustered = await createWorld({ redis: server.url });
  try {
    const [{ id }] = (await clustered.sql<{ id: string }>('select database_id as id from fleet')) as [
      { id: string },
    ];
    const slot = await direct.call('CLUSTER', 'KEYSLOT', `{tokenfence:${id}}:epoch`);
    await direct.call('CLUSTER', 'ADDSLOTS', String(slot));
    await eventually(async () => expect(await direct.call('CLUSTER', 'INFO')).toContain('cluster_state:ok'));
    const other = await clustered.node({ ISSUER });
    const guard = await newGuard({ redis: server.url, jwks: `${other.url}/.well-known/jwks.json` });
    await current(guard);
    const tokens = await other.api.register('clustered@example.com');
    expect((await ask(guard, tokens)).ok).toBe(true);
    expect((await other.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, tokens)).ok).toBe(false);
  } finally {
    direct.disconnect();
    await clustered.close();
    await server.dispose();
  }
});
