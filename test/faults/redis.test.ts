import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { readinessOf } from '../support/probes';
import { type Proxy, startProxy } from '../support/proxy';
import { portOf, withRedis } from '../support/redis';
import { startRedis, type TestServer } from '../support/servers';
import { createWorld, type Env, type TestNode, type World } from '../support/world';
import { worldMaker } from '../support/world-maker';

let redis: TestServer;
let proxy: Proxy;
let world: World;
/** Reaches Redis through the proxy. */
let one: TestNode;
/** Reaches Redis directly. */
let two: TestNode;

// With a view a check asks no store. Without one, each check reads a record in Redis. The promises are the same.
describe.each([
  ['with views', {}],
  ['without views', { REVOCATION_VIEW_LIMIT: '0' }],
])('%s', (mode, env) => {
  const hasViews = mode === 'with views';

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.url);
    world = await createWorld({ redis: redis.url });
    [one, two] = await Promise.all([world.node({ ...env, REDIS_URL: proxy.url }), world.node(env)]);
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
    await redis.dispose();
  });

  /** Nodes of one test. */
  const more: TestNode[] = [];
  const newNode = async (own: Env = {}) => {
    const node = await world.node({ ...env, ...own });
    more.push(node);
    return node;
  };
  // In this order: nodes stop while their Redis answers. Each test begins with both nodes sound.
  afterEach(async () => {
    redis.resume();
    for (const node of more.splice(0)) await node.close();
  });
  const newWorld = worldMaker(createWorld);
  afterEach(async () => {
    proxy.restore(redis.url);
    for (const node of [one, two]) await untilSound(node);
    await untilConfirmed();
  });

  const recordsIn = (url: string) => withRedis(url, (client) => client.keys('*record*'));
  const evict = () =>
    withRedis(redis.url, async (client) => {
      for (const key of await client.keys('*record*')) await client.del(key);
    });

  /** Has both nodes serve the token. Their views are current then, or Redis holds a record of its user. */
  const warm = async ({ accessToken, user }: Tokens) => {
    await eventually(async () => {
      for (const node of [one, two]) {
        expect((await node.api.me(accessToken)).status).toBe(200);
        if (hasViews) expect(await readinessOf(node)).toMatchObject({ view: 'current' });
      }
      if (!hasViews)
        expect((await recordsIn(redis.url)).filter((key) => key.endsWith(user.id))).toHaveLength(1);
    });
  };
  const expectGood = async ({ accessToken }: Tokens) => {
    for (const { api } of [one, two]) expect(await api.me(accessToken)).toMatchObject({ status: 200 });
  };
  const expectRevoked = async ({ accessToken }: Tokens) => {
    for (const { api } of [two, one]) expect((await api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
  };
  const unconfirmed = (of = world) => of.sql('select id from revocations where confirmed_at is null');
  const untilConfirmed = (of = world) =>
    eventually(async () => expect(await unconfirmed(of)).toHaveLength(0));
  const untilSound = (node: TestNode) =>
    eventually(async () => expect(await readinessOf(node)).toMatchObject({ status: 200, degraded: [] }));
  const newUsers = () => Promise.all([one.api.newUser(), one.api.newUser()]);

  test('a flush of Redis after a logout makes no revoked token good', async () => {
    const [gone, stays] = await newUsers();
    await warm(gone);
    await warm(stays);
    expect((await one.api.end('logout', gone.accessToken)).confirmed).toBe(true);
    await withRedis(redis.url, (client) => client.flushall());
    await expectRevoked(gone);
    await expectGood(stays);
    // And again from the records that were filled since.
    await expectRevoked(gone);
  });

  test('an evicted record is unknown, never "not revoked"', async () => {
    const gone = await one.api.newUser();
    await warm(gone);
    await one.api.end('logoutEverywhere', gone.accessToken);
    await evict();
    await expectRevoked(gone);
  });

  test('without Redis, good tokens are served, revoked ones are refused, and no receipt is confirmed', async () => {
    const [[before, after], stays] = [await newUsers(), await one.api.newUser()];
    for (const tokens of [before, after, stays]) await warm(tokens);
    await one.api.end('logout', before.accessToken);

    await redis.kill();
    await expectRevoked(before);
    await expectGood(stays);
    const receipt = await one.api.end('logoutEverywhere', after.accessToken);
    expect(receipt).toMatchObject({ confirmed: false, endedSessions: 1 });
    expect(receipt.unconfirmedReason).toContain('Redis cannot be reached');
    await expectRevoked(after);
    expect(await readinessOf(one)).toMatchObject({ status: 200, degraded: ['redis'] });
    expect(await unconfirmed()).toHaveLength(1);
    const said = (what: string) => one.log.filter((line) => line.includes(what)).length;
    // Logged once, not per request.
    const complaints = said('Redis cannot be reached');
    for (let i = 0; i < 10; i++) await expectGood(stays);
    expect(said('Redis cannot be reached')).toBe(complaints);

    await redis.start();
    await untilSound(one);
    await untilConfirmed();
    await expectRevoked(before);
    await expectRevoked(after);
    await expectGood(stays);
    // A second request is answered by the present state.
    const again = await one.api.end('logout', after.accessToken);
    expect(again).toMatchObject({ confirmed: true, endedSessions: 0 });
    await eventually(() => expect(said('Redis can be reached again')).toBe(said('Redis cannot be reached')));
  });

  test('an empty restart of Redis forgets no revocation', async () => {
    const gone = await one.api.newUser();
    await warm(gone);
    await one.api.end('logout', gone.accessToken);
    await redis.kill();
    await redis.start();
    for (const node of [one, two]) await untilSound(node);
    await expectRevoked(gone);
    await expectRevoked(gone);
  });

  test('another node confirms the revocation of a node that cannot reach Redis', async () => {
    const own = await newWorld({ redis: redis.url });
    const [cut, other] = await Promise.all([own.node({ ...env, REDIS_URL: proxy.url }), own.node(env)]);
    const gone = await cut.api.register('gone@example.com');
    proxy.cut();
    expect(await cut.api.end('logoutEverywhere', gone.accessToken)).toMatchObject({ confirmed: true });
    for (const { api } of [other, cut]) expect((await api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
    await untilConfirmed(own);
  });

  test('a Redis that stops answering does not stop the nodes', async () => {
    const [gone, stays] = await newUsers();
    await warm(gone);
    redis.pause();
    await expectGood(stays);
    expect(await one.api.end('logout', gone.accessToken)).toMatchObject({ confirmed: false });
    await expectRevoked(gone);
    redis.resume();
    await untilSound(one);
    await expectRevoked(gone);
    await expectGood(stays);
  });

  test('a silent wire to Redis is given up and replaced later', async () => {
    const [gone, stays] = await newUsers();
    await warm(gone);
    proxy.silence();
    expect((await one.api.me(stays.accessToken)).status).toBe(200);
    await two.api.end('logout', gone.accessToken);
    await expectRevoked(gone);
    proxy.restore();
    await untilSound(one);
    await expectRevoked(gone);
  });

  test('the promotion of a lagging replica makes no revoked token good', async () => {
    const replica = await startRedis();
    try {
      const gone = await one.api.newUser();
      // A node whose view was not current yet may have written records.
      await warm(gone);
      await evict();
      await withRedis(replica.url, (client) => client.replicaof('127.0.0.1', portOf(redis)));
      await warm(gone);
      await eventually(async () =>
        expect((await recordsIn(replica.url)).sort()).toEqual((await recordsIn(redis.url)).sort()),
      );
      expect((await recordsIn(replica.url)).length > 0).toBe(!hasViews);

      // From here on the replica receives nothing, so the failover loses later writes.
      await withRedis(replica.url, (client) => client.replicaof('NO', 'ONE'));
      expect((await one.api.end('logoutEverywhere', gone.accessToken)).confirmed).toBe(true);
      proxy.cut();
      await redis.kill();
      proxy.restore(replica.url);

      await untilSound(one);
      // The record in the replica still calls the token good. It belongs to an epoch that has ended.
      expect((await one.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
      expect((await one.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
    } finally {
      await redis.kill();
      await redis.start();
      proxy.restore(redis.url);
      await replica.dispose();
    }
  });

  test('a Redis that refuses writes is not read either', async () => {
    const gone = await one.api.newUser();
    await warm(gone);
    // Without its replica, this Redis answers reads and refuses writes.
    await withRedis(redis.url, (client) => client.config('SET', 'min-replicas-to-write', '1'));
    expect(await one.api.end('logoutEverywhere', gone.accessToken)).toMatchObject({ confirmed: false });
    await eventually(() => expectRevoked(gone));
    expect(await readinessOf(two)).toMatchObject({ status: 200, degraded: ['redis'] });

    await withRedis(redis.url, (client) => client.config('SET', 'min-replicas-to-write', '0'));
    await untilConfirmed();
    await untilSound(two);
    await expectRevoked(gone);
  });

  test('two databases on one Redis never take each other’s word', async () => {
    const other = await newWorld({ redis: redis.url });
    const foreign = await other.node(env);
    const root = await foreign.api.loginAsAdmin();
    const mine = await one.api.newUser();
    const theirs = await foreign.api.register('theirs@example.com');
    for (let i = 0; i < 3; i++) {
      await expectGood(mine);
      expect((await foreign.api.me(theirs.accessToken)).status).toBe(200);
    }
    await foreign.api.end('forceLogoutAll(reason: "theirs alone")', root.accessToken);
    for (let i = 0; i < 3; i++) {
      expect((await foreign.api.me(theirs.accessToken)).reason).toBe('TOKEN_REVOKED');
      await expectGood(mine);
    }
  });

  test('nodes with different issuers on one database share revocations', async () => {
    const renamed = await newNode({ ISSUER: 'http://elsewhere.example.com' });
    const tokens = await one.api.newUser();
    const theirs = await renamed.api.login(tokens.user.email);
    for (let i = 0; i < 2; i++) expect((await renamed.api.me(theirs.accessToken)).status).toBe(200);
    expect((await one.api.end('logoutEverywhere', tokens.accessToken)).confirmed).toBe(true);
    expect((await renamed.api.me(theirs.accessToken)).reason).toBe('TOKEN_REVOKED');
  });

  test('a login does not wait for a Redis that stops answering', async () => {
    const limited = await newNode({ RATE_LIMIT: 'on' });
    await limited.api.register('waiting@example.com');
    redis.pause();
    expect((await limited.api.login('waiting@example.com')).accessToken).toBeDefined();
  });

  test('a node starts without Redis, reports it, and recovers', async () => {
    await redis.kill();
    const late = await newNode();
    expect(await readinessOf(late)).toMatchObject({ status: 200, degraded: ['redis'] });
    const tokens = await late.api.newUser();
    expect((await late.api.me(tokens.accessToken)).status).toBe(200);
    await redis.start();
    await untilSound(late);
    expect(await late.api.end('logout', tokens.accessToken)).toMatchObject({ confirmed: true });
    await expectRevoked(tokens);
  });
});
