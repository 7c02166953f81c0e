import { generateKeyPairSync } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { createGuard } from '../../src/guard/create-guard';
import type { AuthResult } from '../../src/guard/guard';
import type { GuardOptions } from '../../src/guard/guard-options';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { withRedis } from '../support/redis';
import { freePort, startRedis } from '../support/servers';
import { createWorld, type TestNode, type World } from '../support/world';

let world: World;
let node: TestNode;

beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ISSUER });
});
afterAll(() => world.close());

const newGuard = guardMaker(() => ({ ...trusting(node), redis: world.redisUrl }));
const newJwk = (kid: string) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid,
});
/** A client that is never connected. */
const clientTo = (options: RedisOptions) => new Redis({ ...options, lazyConnect: true });

test('a token with a confirmed logout is refused in the service at its next request', async () => {
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
  for (let i = 0; i < 10; i++) {
    const tokens = await node.api.newUser();
    expect(await ask(guard, tokens)).toMatchObject({
      ok: true,
      principal: { userId: tokens.user.id, role: 'USER' },
    });
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect((await ask(guard, tokens)).ok).toBe(false);
    await untilGuardIsCurrent(guard);
    expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  }
});

test('tokens revoked before the service started are refused, also in a new epoch', async () => {
  const tokens = await node.api.newUser();
  const stays = await node.api.newUser();
  await node.api.end('logoutEverywhere', tokens.accessToken);
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
  expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  await withRedis(world.redisUrl!, (client) => client.flushdb());
  const later = await newGuard();
  await untilGuardIsCurrent(later, 60_000);
  for (const each of [guard, later]) {
    await untilGuardIsCurrent(each);
    expect(await ask(each, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
    expect((await ask(each, stays)).ok).toBe(true);
  }
}, 90_000);

test('the tokens of a revoked key are refused at once', async () => {
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
  const root = await node.api.loginAsAdmin();
  expect((await ask(guard, root)).ok).toBe(true);
  const answer = await node.api.send(
    'mutation { rotateSigningKey(revokeOld: true) { id } }',
    {},
    root.accessToken,
  );
  expect(answer.extensions?.revocations).toMatchObject([{ confirmed: true }]);
  await untilGuardIsCurrent(guard);
  expect(await ask(guard, root)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  const again = await node.api.loginAsAdmin();
  await eventually(async () => expect((await ask(guard, again)).ok).toBe(true), 20_000);
});

test('made-up key ids are TOKEN_INVALID at once and do not delay a new key', async () => {
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
  const root = await node.api.loginAsAdmin();
  let forged = 0;
  const forge = () => {
    const [, payload, signature] = root.accessToken.split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: `made-up-${++forged}` }));
    return guard.authenticate(`Bearer ${header.toString('base64url')}.${payload}.${signature}`);
  };
  for (let i = 0; i < 200; i++) expect(await forge()).toMatchObject({ code: 'TOKEN_INVALID' });
  await node.api.send('mutation { rotateSigningKey(revokeOld: true) { id } }', {}, root.accessToken);
  const again = await node.api.loginAsAdmin();
  const answers: AuthResult[] = [];
  await eventually(async () => {
    await forge();
    answers.push(await ask(guard, again));
    expect(answers.at(-1)?.ok).toBe(true);
  }, 20_000);
  // A token whose key is not known yet is never called bad.
  for (const answer of answers.slice(0, -1)) expect(answer).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

test('a listener gets each revocation and whether it is news, although another listener fails', async () => {
  // By this clock, the guard starts long after today's revocations.
  const ahead = { now: () => Date.now() + 5 * 60_000, monotonic: () => performance.now() };
  const [guard, later] = [await newGuard(), await newGuard({ clock: ahead })];
  const heard: [string, string, boolean][] = [];
  for (const [name, each] of Object.entries({ guard, later })) {
    await untilGuardIsCurrent(each);
    each.onRevocation(() => {
      throw new Error('a fault of the service');
    });
    each.onRevocation((entry, isNew) => {
      if (entry.kind === 'SESSION') heard.push([name, entry.sessionId, isNew]);
    });
  }
  const { accessToken, session } = await node.api.newUser();
  await node.api.end('logout', accessToken);
  await eventually(() => expect(heard).toHaveLength(2));
  expect(heard.sort()).toEqual([
    ['guard', session.id, true],
    ['later', session.id, false],
  ]);
});

test('the guard can use the service’s own Redis client, and does not close it', async () => {
  const client = new Redis(world.redisUrl!, { keyPrefix: 'mine:' });
  const guard = await newGuard({ redis: client });
  await untilGuardIsCurrent(guard);
  const tokens = await node.api.newUser();
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
])('a client %s does not need allowInsecure', async (_what, client) => {
  const guard = await newGuard({ redis: client() });
  expect(guard.status().redis).toBe('away');
});

test('no logout waits for a stopped service', async () => {
  const guard = await newGuard();
  await untilGuardIsCurrent(guard);
  await guard.close();
  expect(guard.status().view).toBe('not current');
  const tokens = await node.api.newUser();
  expect((await ask(guard, tokens)).ok).toBe(false);
});

test('without any source a token gets SERVICE_UNAVAILABLE', async () => {
  const guard = await newGuard({ redis: 'redis://127.0.0.1:1' });
  expect(guard.status()).toMatchObject({ view: 'not current', redis: 'away' });
  expect(await ask(guard, await node.api.newUser())).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
  const keyless = await newGuard({ jwks: 'http://127.0.0.1:1/jwks.json' });
  expect(await ask(keyless, await node.api.newUser())).toEqual({ ok: false, code: 'SERVICE_UNAVAILABLE' });
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
  ['Redis without TLS', { redis: 'redis://cache.example.com' }, /redis is not encrypted.*allowInsecure/],
  ['an object that is not a client', { redis: {} }, /must be a URL or an ioredis client/],
  ['a client of another library', { redis: { duplicate: () => ({}), options: {} } }, /must be a URL or an/],
  ['a client that does not encrypt', { redis: clientTo({ host: 'cache' }) }, /client that does not encrypt/],
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
  ['keys that cannot be used', { jwks: { keys: [null, 1, { kty: 'RSA', kid: 'a' }] } }, /no usable key/],
  [
    'a key that is not a point on the curve',
    { jwks: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'a', x: 'AA', y: 'AA' }] } },
    /no usable key/,
  ],
  [
    'a key whose database nobody can tell, beside Redis',
    { jwks: { keys: [newJwk('a')] } },
    /no kid that names a database/,
  ],
  ['a clockSkew that is text', { clockSkew: '5000' }, /clockSkew must be a number/],
  ['a clockSkew that is not a number', { clockSkew: NaN }, /clockSkew must be a number/],
  ['introspection that is null', { introspection: null }, /introspection must be \{ url, secret \}/],
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
  ['a clock without its methods', { clock: {} }, /clock must have/],
  ['a logger without its methods', { logger: {} }, /logger must have/],
  ['metrics without their method', { metrics: {} }, /metrics must have/],
  ['an option that every object has', { constructor: 1 }, /Unknown option constructor/],
  ['no source of revocations', { redis: undefined }, /Revocations have no source/],
  ['a view without Redis', { redis: undefined, view: true }, /view: true needs redis/],
  ['neither view nor introspection', { view: false }, /view: false needs introspection/],
  ['to fail open', { whenUnavailable: 'allow' }, /must be 'deny'/],
  ['a misspelt option', { isuer: 'x' }, /Unknown option isuer/],
])('%s is refused at once with a sentence', async (_what, options, sentence) => {
  await expect(newGuard(options as Partial<GuardOptions>)).rejects.toThrow(sentence);
});

test('missing options are refused like wrong ones', async () => {
  for (const nothing of [undefined, null, 'redis'])
    await expect(createGuard(nothing as never)).rejects.toMatchObject({ name: 'GuardOptionsError' });
});

test('createGuard resolves although the given clock stands still', async () => {
  const now = Date.now();
  const guard = await newGuard({
    redis: 'redis://127.0.0.1:1',
    clock: { now: () => now, monotonic: () => 0 },
  });
  expect(guard.status().view).toBe('not current');
});

test('createGuard resolves after two seconds, also if the keys are slow and Redis does not answer', async () => {
  const keySet = await (await fetch(trusting(node).jwks)).text();
  const slow = createHttpServer((_request, response) => setTimeout(() => response.end(keySet), 1500)).listen(
    0,
  );
  const silent = createServer((socket) => socket.resume()).listen(0);
  const portOf = (server: Server) => (server.address() as AddressInfo).port;
  try {
    const startedAt = performance.now();
    const guard = await newGuard({
      jwks: `http://127.0.0.1:${portOf(slow)}/`,
      redis: `redis://127.0.0.1:${portOf(silent)}`,
    });
    expect(performance.now() - startedAt).toBeLessThan(2800);
    expect(guard.status()).toMatchObject({ redis: 'away', keys: 1 });
  } finally {
    slow.close();
    silent.close();
  }
});

test('all faults are named together, without a password', async () => {
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

test('on a cluster the guard needs only the server with the keys of its database', async () => {
  const server = await startRedis([
    ...['--cluster-enabled', 'yes'],
    // Otherwise 10,000 above the other port, which may be taken.
    ...['--cluster-port', String(await freePort())],
    // Most slots belong to servers that this one does not know.
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
    const guard = await newGuard({ redis: server.url, jwks: trusting(other).jwks });
    await untilGuardIsCurrent(guard);
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
