import { Redis } from 'ioredis';
import { examineRedis } from '../../src/commands/doctor/redis';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { startRedis, type TestServer } from '../support/servers';
import { createWorld, type World } from '../support/world';

/** All that the managed services of docs/redis.md take away, together. */
const TAKEN =
  `ACL BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DEBUG FAILOVER LASTSAVE LATENCY MEMORY MIGRATE
  MODULE MONITOR OBJECT PSYNC REPLICAOF ROLE SAVE SHUTDOWN SLAVEOF SLOWLOG SWAPDB SYNC`.split(/\s+/);

let redis: TestServer;
let owner: Redis;
let world: World;
const INTROSPECTION_SECRET = 'only for tests: f6Yp2cN8sR4vK1wQ9zLm';
const newGuard = guardMaker();

beforeAll(async () => {
  // One command stays, under another name: this test makes a user with it.
  const renamed = TAKEN.flatMap((name) => ['--rename-command', name, name === 'ACL' ? 'OWNER' : '']);
  redis = await startRedis(renamed);
  owner = new Redis(redis.url);
  world = await createWorld({ redis: redis.url });
});
afterAll(async () => {
  await world.close();
  owner.disconnect();
  await redis.dispose();
});

test('nodes, services and the doctor need nothing that managed services forbid', async () => {
  const node = await world.node({ ISSUER, INTROSPECTION_SECRET, RATE_LIMIT: 'on' });
  // While its lease has lapsed, on a busy machine, it asks.
  const introspection = { url: `${node.url}/oauth/introspect`, secret: INTROSPECTION_SECRET };
  const guard = await newGuard({ ...trusting(node), redis: redis.url, introspection });
  for (const name of ['before', 'after a flush']) {
    await untilGuardIsCurrent(guard);
    const tokens = await node.api.newUser();
    expect((await ask(guard, tokens)).ok).toBe(true);
    expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect(await ask(guard, tokens)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
    expect(await owner.keys('*:limit:*')).not.toEqual([]);
    if (name === 'before') await owner.flushdb();
  }
  const faults = (await examineRedis({ url: redis.url, waitReplicas: 0, clockSkew: 60_000 })).filter(
    ({ level }) => level === 'fault',
  );
  expect(faults).toEqual([]);
});

test('a Redis that keeps INFO from scripts confirms nothing, lets nobody in, and the log says why', async () => {
  // Otherwise the node of before would publish for this one.
  await world.stop();
  const warn = jest.spyOn(console, 'warn').mockImplementation();
  await owner.call('OWNER', 'SETUSER', 'blind', 'on', '>pw', '~*', '&*', '+@all', '-info');
  const url = new URL(redis.url);
  url.username = 'blind';
  url.password = 'pw';
  const node = await world.node({ REDIS_URL: url.href });
  const tokens = await node.api.newUser();
  expect((await node.api.end('logout', tokens.accessToken)).confirmed).toBe(false);
  expect((await node.api.me(tokens.accessToken)).code).toBe('UNAUTHENTICATED');
  expect(node.log.join()).toContain('Tokenfence needs INFO in scripts, which this Redis refuses');
  expect(await examineRedis({ url: url.href, waitReplicas: 0, clockSkew: 60_000 })).toContainEqual({
    level: 'fault',
    subject: 'Redis',
    text: 'Tokenfence needs INFO in scripts, which this Redis refuses. Use another Redis.',
  });
  warn.mockRestore();
});
