import { Cluster } from 'ioredis';
import { examineRedis } from '../../src/commands/doctor/redis';
import { connectRedis, type RedisConnection, type RedisSource } from '../../src/redis/client';
import { keysOf } from '../../src/redis/keys';
import { eventually } from '../support/eventually';
import { guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { untilViewIsCurrent } from '../support/probes';
import { type ClusterMember, type RedisCluster, startRedisCluster } from '../support/redis-cluster';
import { startRevoking } from '../support/revoking';
import { createWorld } from '../support/world';

const { epoch, stream } = keysOf('0190a000-0000-7000-8000-000000000000');

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
});
afterAll(() => cluster.dispose());

const connections: RedisConnection[] = [];
const failures: string[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  failures.length = 0;
});

const connect = (source: RedisSource, key = epoch) => {
  const connection = connectRedis(source, { failed: (reason) => void failures.push(reason) }, key);
  connections.push(connection);
  return connection;
};
const write = (connection: RedisConnection) => connection.run((client) => client.hset(epoch, 'field', 1));
const urlOf = (members: readonly Pick<ClusterMember, 'port'>[]) =>
  `redis-cluster://${members.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
/** A primary that does not have our slot. */
const anotherPrimary = async () => {
  const ours = await cluster.primaryOf(epoch);
  const others = await Promise.all(
    cluster.members.map(async (member) => ({
      member,
      role: await member.ask(async (client) => (await client.role())[0]),
    })),
  );
  const found = others.find(({ member, role }) => member !== ours && role === 'master');
  return found?.member as ClusterMember;
};
const setAll = (name: string, value: string) =>
  Promise.all(cluster.members.map((member) => member.ask((client) => client.config('SET', name, value))));

test('any node of a cluster leads to the primary of our slot', async () => {
  for (const member of cluster.members) {
    const connection = connect(urlOf([member]));
    await connection.tried;
    await write(connection);
  }
  // A port where nobody listens, twice: one seed alive of three.
  const [first] = cluster.members as [ClusterMember];
  const connection = connect(urlOf([{ port: 1 }, first, { port: 2 }]));
  await connection.tried;
  await write(connection);
  expect(failures).toEqual([]);
});

test('nodes that do not tell their own host are found where they were asked', async () => {
  await setAll('cluster-preferred-endpoint-type', 'unknown-endpoint');
  const asked: string[] = [];
  const natMap = (key: string) => {
    asked.push(key);
    return null;
  };
  const seeds = [{ host: '127.0.0.1', port: (await anotherPrimary()).port }];
  const connection = connect(new Cluster(seeds, { lazyConnect: true, natMap }));
  await connection.tried;
  await write(connection);
  expect(asked[0]).toBe(`127.0.0.1:${(await cluster.primaryOf(epoch)).port}`);
  // Without a name that they announce, nodes then tell a question mark, which leads nowhere.
  await setAll('cluster-preferred-endpoint-type', 'hostname');
  const lost = connect(urlOf([await anotherPrimary()]));
  await lost.tried;
  expect(failures[0]).toMatch(/^MOVED \d+ \?:/);
  await setAll('cluster-preferred-endpoint-type', 'ip');
  await eventually(() => write(lost));
});

test('a paused node does not keep a connection from the primary', async () => {
  const paused = await anotherPrimary();
  const ours = await cluster.primaryOf(epoch);
  paused.pause();
  try {
    // The order is another one each time.
    const made = Array.from({ length: 8 }, () => connect(urlOf([paused, ours])));
    await Promise.all(made.map(({ tried }) => tried));
    await Promise.all(made.map(write));
    expect(failures).toEqual([]);
  } finally {
    paused.resume();
  }
});

test('a connection outlives the nodes of its address', async () => {
  const seed = (await cluster.replicasOf(await anotherPrimary()))[0] as ClusterMember;
  const connection = connect(urlOf([seed]));
  await eventually(() => write(connection));
  // It has learned of the others once the answer to CLUSTER SLOTS is there, before that of a later command.
  await write(connection);
  await seed.kill();
  await (await cluster.primaryOf(epoch)).ask((client) => client.client('KILL', 'TYPE', 'normal'));
  await eventually(() => write(connection));
  await seed.start();
  await cluster.whenWell();
});

test('while our slot moves, commands fail and the connection stays; then it follows', async () => {
  const connection = connect(cluster.url);
  await connection.tried;
  await write(connection);
  await connection.run((client) => client.xadd(stream, '*', 'field', 1));
  const reasons: unknown[] = [];
  const fail = (work: Promise<unknown>) =>
    work.catch((error: unknown) => void reasons.push(((error as Error).cause as Error).message));
  await cluster.moveSlot(epoch, await anotherPrimary(), async () => {
    await fail(connection.run((client) => client.exists(epoch, stream)));
    await fail(write(connection));
    await fail(connection.run((client) => client.xlen(stream)));
    // A node that is asked now still leads here, by the key that has gone too.
    for (const key of [epoch, stream]) await connect(cluster.url, key).tried;
    expect(failures).toEqual([]);
  });
  expect(reasons).toEqual([expect.stringMatching(/^TRYAGAIN/), expect.stringMatching(/^ASK/)]);
  await eventually(() => write(connection));
  expect(await connection.run((client) => client.xlen(stream))).toBe(1);
});

test('a blocking read ends when the slot moves, and the next one finds it', async () => {
  const connection = connect(cluster.url);
  await connection.tried;
  const reading = connection
    .run((client) => client.xread('BLOCK', 0, 'STREAMS', stream, '$'), 10_000)
    .catch((error: unknown) => error);
  await eventually(async () => {
    const list = await (await cluster.primaryOf(epoch)).ask((client) => client.client('LIST'));
    expect(list).toMatch(/name=tokenfence .*cmd=xread/);
  });
  await cluster.moveSlot(epoch, await anotherPrimary());
  expect(await reading).toMatchObject({ cause: { message: expect.stringMatching(/^MOVED/) } });
  await eventually(() => connection.run((client) => client.xread('STREAMS', stream, '0')));
});

test('the doctor examines a cluster, and says what a set needs', async () => {
  const examine = async (url: string, waitReplicas: number) =>
    (await examineRedis({ url, waitReplicas, clockSkew: 5000 }))
      .filter(({ level }) => level !== 'well')
      .map(({ text }) => text)
      .join('\n');
  expect(await examine(cluster.url, 1)).not.toMatch(/refuse|replica|cluster/);
  expect(await examine(cluster.url, 0)).toMatch(/1 replica follows it, but REDIS_WAIT_REPLICAS is 0/);
  expect(await examine(cluster.url, 2)).toMatch(/it has 1 of the 2 replicas in REDIS_WAIT_REPLICAS/);
  const [first] = cluster.members as [ClusterMember];
  expect(await examine(first.url, 1)).toMatch(
    /it is a node of a cluster. Begin REDIS_URL with redis-cluster/,
  );
});

describe('nodes and a service', () => {
  const newGuard = guardMaker();

  test('confirm logouts again, and accept no ended token, while slots move and primaries fail', async () => {
    const world = await createWorld({ redis: cluster.url });
    try {
      // Enough while primaries die, but not for one that is paused and goes on: after it there is no replica left.
      const env = { ISSUER, REDIS_WAIT_REPLICAS: '0' };
      const nodes = [
        await world.node(env),
        await world.node({ ...env, REDIS_URL: urlOf(cluster.members.toReversed()) }),
      ] as const;
      const client = new Cluster(
        cluster.members.map(({ port }) => ({ host: '127.0.0.1', port })),
        { lazyConnect: true },
      );
      const guard = await newGuard({ ...trusting(nodes[0]), redis: client, allowInsecure: true });
      for (const node of nodes) await untilViewIsCurrent(node);
      await untilGuardIsCurrent(guard);
      const [{ id }] = (await world.sql<{ id: string }>('select database_id as id from fleet')) as [
        { id: string },
      ];
      const key = keysOf(id).epoch;
      const revoking = await startRevoking(nodes, [guard]);
      await revoking.untilConfirmed();

      // Our slot moves, with all its keys, and back.
      const before = await cluster.primaryOf(key);
      const other = cluster.members.slice(0, 3).find((each) => each !== before) as ClusterMember;
      await cluster.moveSlot(key, other);
      await revoking.untilConfirmed();
      await cluster.moveSlot(key, before);
      await revoking.untilConfirmed();

      // The primary dies, a replica takes over, and the old primary comes back.
      await before.kill();
      const promoted = await cluster.primaryOf(key);
      await revoking.untilConfirmed();
      await before.start();
      await cluster.whenWell();
      await revoking.untilConfirmed();

      // It becomes the primary again.
      await before.ask((direct) => direct.cluster('FAILOVER'));
      await eventually(async () => expect(await cluster.primaryOf(key)).not.toBe(promoted));
      await revoking.untilConfirmed();

      for (const node of nodes) await untilViewIsCurrent(node);
      await untilGuardIsCurrent(guard);
      expect(await revoking.stop()).toBeGreaterThan(10);
    } finally {
      await world.close();
    }
  });
});
