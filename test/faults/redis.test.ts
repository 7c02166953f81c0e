import { Redis } from 'ioredis';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { type Proxy, startProxy } from '../support/proxy';
import { startRedis, type TestServer } from '../support/servers';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';

let redis: TestServer;
let proxy: Proxy;
let world: World;
/** Reaches Redis by the proxy. */
let one: TestNode;
/** Reaches Redis directly. */
let two: TestNode;
let count = 0;

// With views nothing is asked; without them, each check reads a record in Redis. The promises are the same.
describe.each([
  ['with views', {}],
  ['without views', { REVOCATION_VIEW_LIMIT: '0' }],
])('%s', (mode, env) => {
  const hasViews = mode === 'with views';

  beforeEach(async () => {
    redis = await startRedis();
    proxy = await startProxy(redis.url);
    world = await createWorld({ redis: redis.url });
    [one, two] = await Promise.all([world.node({ ...env, REDIS_URL: proxy.url }), world.node(env)]);
  });
  afterEach(async () => {
    redis.resume();
    await world.close();
    await proxy.close();
    await redis.dispose();
  });

  const newUser = () => one.api.register(`user${++count}@example.com`);

  const withRedis = async <T>(url: string, work: (client: Redis) => Promise<T>) => {
    const client = new Redis(url);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  };

  const recordsIn = (url: string) => withRedis(url, (client) => client.keys('*record*'));

  const ready = async (node: TestNode) => {
    const response = await fetch(`${node.url}/readyz`);
    return { ...((await response.json()) as object), status: response.status };
  };

  /** Lets both nodes serve it, so that their views are current, or else Redis holds a record of its user. */
  const warm = async ({ accessToken, user }: Tokens) => {
    await eventually(async () => {
      for (const node of [one, two]) {
        expect((await node.api.me(accessToken)).status).toBe(200);
        if (hasViews) expect(await ready(node)).toMatchObject({ view: 'current' });
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
  const unconfirmed = () => world.sql('select id from revocations where confirmed_at is null');

  test('a flush between a logout and the next request brings nobody back', async () => {
    const [gone, stays] = [await newUser(), await newUser()];
    await warm(gone);
    await warm(stays);
    expect((await one.api.end('logout', gone.accessToken)).confirmed).toBe(true);
    await withRedis(redis.url, (client) => client.flushall());
    await expectRevoked(gone);
    await expectGood(stays);
    // And once more from the records that were filled since.
    await expectRevoked(gone);
  });

  test('a record that was evicted is unknown, never "not revoked"', async () => {
    const gone = await newUser();
    await warm(gone);
    await one.api.end('logoutEverywhere', gone.accessToken);
    await withRedis(redis.url, async (client) => {
      for (const key of await client.keys('*record*')) await client.del(key);
    });
    await expectRevoked(gone);
  });

  test('with Redis killed, good tokens are served, revoked ones refused, and nobody is told that it is done', async () => {
    const [before, after, stays] = [await newUser(), await newUser(), await newUser()];
    for (const tokens of [before, after, stays]) await warm(tokens);
    await one.api.end('logout', before.accessToken);

    await redis.kill();
    await expectRevoked(before);
    await expectGood(stays);
    const receipt = await one.api.end('logoutEverywhere', after.accessToken);
    expect(receipt).toMatchObject({ confirmed: false, endedSessions: 1 });
    expect(receipt.unconfirmedReason).toContain('Redis cannot be reached');
    await expectRevoked(after);
    expect(await ready(one)).toMatchObject({ status: 200, degraded: ['redis'] });
    expect(await unconfirmed()).toHaveLength(1);
    const said = (what: string) => one.log.filter((line) => line.includes(what)).length;
    // Said when it went, not per request.
    const complaints = said('Redis cannot be reached');
    for (let i = 0; i < 10; i++) await expectGood(stays);
    expect(said('Redis cannot be reached')).toBe(complaints);

    await redis.start();
    await eventually(async () => expect(await ready(one)).toMatchObject({ status: 200, degraded: [] }));
    await eventually(async () => expect(await unconfirmed()).toHaveLength(0));
    await expectRevoked(before);
    await expectRevoked(after);
    await expectGood(stays);
    // Asking again is answered by what has become of it meanwhile.
    expect(await one.api.end('logout', after.accessToken)).toMatchObject({
      confirmed: true,
      endedSessions: 0,
    });
    await eventually(() => expect(said('Redis can be reached again')).toBe(said('Redis cannot be reached')));
  });

  test('Redis restarted empty knows of no revocation, and none is forgotten', async () => {
    const gone = await newUser();
    await warm(gone);
    await one.api.end('logout', gone.accessToken);
    await redis.kill();
    await redis.start();
    await eventually(async () => expect(await ready(one)).toMatchObject({ degraded: [] }));
    await eventually(async () => expect(await ready(two)).toMatchObject({ degraded: [] }));
    await expectRevoked(gone);
    await expectRevoked(gone);
  });

  test('a node that is cut off from Redis leaves its revocation to another node, which confirms it', async () => {
    // It waits for the other node's relay as long as a receipt may take, which is longer here than in other tests.
    const patient = await createWorld({ redis: redis.url });
    try {
      const nodeEnv = { ...env, REVOCATION_LEASE: '1s' };
      const [cut, other] = await Promise.all([
        patient.node({ ...nodeEnv, REDIS_URL: proxy.url }),
        patient.node(nodeEnv),
      ]);
      const gone = await cut.api.register('gone@example.com');
      proxy.cut();
      expect(await cut.api.end('logoutEverywhere', gone.accessToken)).toMatchObject({ confirmed: true });
      for (const { api } of [other, cut])
        expect((await api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
      await eventually(async () =>
        expect(await patient.sql('select id from revocations where confirmed_at is null')).toHaveLength(0),
      );
    } finally {
      await patient.close();
    }
  });

  test('a Redis that has stopped answering does not stop the service', async () => {
    const [gone, stays] = [await newUser(), await newUser()];
    await warm(gone);
    redis.pause();
    await expectGood(stays);
    expect(await one.api.end('logout', gone.accessToken)).toMatchObject({ confirmed: false });
    await expectRevoked(gone);
    redis.resume();
    await eventually(async () => expect(await ready(one)).toMatchObject({ degraded: [] }));
    await expectRevoked(gone);
    await expectGood(stays);
  });

  test('a wire to Redis that goes silent is given up, and replaced when it is back', async () => {
    const [gone, stays] = [await newUser(), await newUser()];
    await warm(gone);
    proxy.silence();
    expect((await one.api.me(stays.accessToken)).status).toBe(200);
    await two.api.end('logout', gone.accessToken);
    await expectRevoked(gone);
    proxy.restore();
    await eventually(async () => expect(await ready(one)).toMatchObject({ degraded: [] }));
    await expectRevoked(gone);
  });

  test('a replica that lagged when it was promoted brings nobody back', async () => {
    const replica = await startRedis();
    try {
      const gone = await newUser();
      await withRedis(replica.url, (client) =>
        client.replicaof('127.0.0.1', Number(new URL(redis.url).port)),
      );
      await warm(gone);
      await eventually(async () =>
        expect((await recordsIn(replica.url)).sort()).toEqual((await recordsIn(redis.url)).sort()),
      );
      expect((await recordsIn(replica.url)).length > 0).toBe(!hasViews);

      // From here on the replica hears nothing: the failover loses what is written meanwhile.
      await withRedis(replica.url, (client) => client.replicaof('NO', 'ONE'));
      expect((await one.api.end('logoutEverywhere', gone.accessToken)).confirmed).toBe(true);
      proxy.cut();
      await redis.kill();
      proxy.restore(replica.url);

      await eventually(async () => expect(await ready(one)).toMatchObject({ degraded: [] }));
      // The replica's own record still says that the token is good. It belongs to an epoch that has ended.
      expect((await one.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
      expect((await one.api.me(gone.accessToken)).reason).toBe('TOKEN_REVOKED');
    } finally {
      await replica.dispose();
    }
  });

  test('a Redis that answers but refuses to write is not read either', async () => {
    const gone = await newUser();
    await warm(gone);
    // No replica is there: it lets be read what it has, and takes nothing new.
    await withRedis(redis.url, (client) => client.config('SET', 'min-replicas-to-write', '1'));
    const receipt = await one.api.end('logoutEverywhere', gone.accessToken);
    expect(receipt).toMatchObject({ confirmed: false });
    await eventually(() => expectRevoked(gone));
    expect(await ready(two)).toMatchObject({ status: 200, degraded: ['redis'] });

    await withRedis(redis.url, (client) => client.config('SET', 'min-replicas-to-write', '0'));
    await eventually(async () => expect(await unconfirmed()).toHaveLength(0));
    await eventually(async () => expect(await ready(two)).toMatchObject({ degraded: [] }));
    await expectRevoked(gone);
  });

  test('two databases on one Redis never take each other’s word', async () => {
    const other = await createWorld({ redis: redis.url });
    try {
      const foreign = await other.node(env);
      const root = await foreign.api.login(ADMIN.email, ADMIN.password);
      const mine = await newUser();
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
    } finally {
      await other.close();
    }
  });

  test('nodes that differ in what is not about the database still share what is revoked', async () => {
    const renamed = await world.node({ ...env, ISSUER: 'http://elsewhere.example.com' });
    const tokens = await newUser();
    const theirs = await renamed.api.login(`user${count}@example.com`);
    for (let i = 0; i < 2; i++) expect((await renamed.api.me(theirs.accessToken)).status).toBe(200);
    expect((await one.api.end('logoutEverywhere', tokens.accessToken)).confirmed).toBe(true);
    expect((await renamed.api.me(theirs.accessToken)).reason).toBe('TOKEN_REVOKED');
  });

  test('a login does not wait for a Redis that has stopped answering', async () => {
    const limited = await world.node({ ...env, RATE_LIMIT: 'on' });
    await limited.api.register('waiting@example.com');
    redis.pause();
    expect((await limited.api.login('waiting@example.com')).accessToken).toBeDefined();
  });

  test('a node starts while Redis is down, says so, and heals', async () => {
    await redis.kill();
    const late = await world.node(env);
    expect(await ready(late)).toMatchObject({ status: 200, degraded: ['redis'] });
    const tokens = await late.api.register(`user${++count}@example.com`);
    expect((await late.api.me(tokens.accessToken)).status).toBe(200);
    await redis.start();
    await eventually(async () => expect(await ready(late)).toMatchObject({ status: 200, degraded: [] }));
    expect(await late.api.end('logout', tokens.accessToken)).toMatchObject({ confirmed: true });
    await expectRevoked(tokens);
  });
});
