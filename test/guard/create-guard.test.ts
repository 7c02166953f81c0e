import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { AuthResult } from '../../src/guard/guard';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { listen } from '../support/listen';
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

test('a listener gets each revocation and whether it is new, although another listener fails', async () => {
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

test.each<[string, () => Redis | Cluster]>([
  ['made of a URL with TLS', () => new Redis('rediss://cache.example.com', { lazyConnect: true })],
  ['with TLS', () => clientTo({ host: 'cache.example.com', tls: {} })],
  ['to this machine', () => clientTo({ port: 1 })],
  ['to a socket of this machine', () => clientTo({ path: '/nowhere/redis.sock' })],
  [
    'of sentinels, with TLS to them and to the primary',
    () =>
      clientTo({
        sentinels: [{ host: 'cache' }],
        name: 'main',
        tls: {},
        sentinelTLS: {},
        enableTLSForSentinelMode: true,
      }),
  ],
  ['of a cluster, with TLS', () => new Cluster(['cache'], { lazyConnect: true, redisOptions: { tls: {} } })],
  [
    'of a cluster, with URLs with TLS',
    () => new Cluster(['rediss://cache', 'rediss://other'], { lazyConnect: true }),
  ],
])('a client %s does not need allowInsecure', async (_what, client) => {
  const guard = await newGuard({ redis: client() });
  expect(guard.status().redis).toBe('away');
});

test('a closed guard accepts no token', async () => {
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
  const slow = createHttpServer((_request, response) => setTimeout(() => response.end(keySet), 1500));
  const silent = createServer((socket) => socket.resume());
  try {
    const options = { jwks: await listen(slow), redis: (await listen(silent)).replace('http', 'redis') };
    const startedAt = performance.now();
    const guard = await newGuard(options);
    expect(performance.now() - startedAt).toBeLessThan(2800);
    expect(guard.status()).toMatchObject({ redis: 'away', keys: 1 });
  } finally {
    slow.close();
    silent.close();
  }
});

test('the number of a database that Redis does not have is refused like a wrong option', async () => {
  const redis = new URL(world.redisUrl!);
  redis.pathname = '/99';
  await expect(newGuard({ redis: redis.href })).rejects.toMatchObject({
    name: 'GuardOptionsError',
    faults: [expect.stringMatching(/^redis .*DB index is out of range/)],
  });
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
