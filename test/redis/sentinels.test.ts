import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { connectRedis, type RedisConnection, type RedisSource } from '../../src/redis/client';
import { keysOf } from '../../src/redis/keys';
import { createLogStream } from '../../src/redis/log-stream';
import { eventually } from '../support/eventually';
import { guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { untilViewIsCurrent } from '../support/probes';
import type { Member } from '../support/redis-member';
import { type SentinelSet, startSentinelSet } from '../support/redis-sentinels';
import { startRevoking } from '../support/revoking';
import { createWorld } from '../support/world';

let set: SentinelSet;
beforeAll(async () => {
  set = await startSentinelSet({ attentive: true });
});
afterAll(() => set.dispose());

const connections: RedisConnection[] = [];
const failures: string[] = [];
afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  failures.length = 0;
});

const connect = (source: RedisSource) => {
  const connection = connectRedis(source, { failed: (reason) => void failures.push(reason) });
  connections.push(connection);
  return connection;
};
const write = (connection: RedisConnection) => connection.run((client) => client.set('key', '1'));
const urlOf = (sentinels: readonly Pick<Member, 'port'>[], name = set.name) =>
  `redis-sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${name}`;

test('one sentinel that is alive leads to the primary, and so does a database of it', async () => {
  for (const sentinel of set.sentinels) {
    const connection = connect(`${urlOf([{ port: 1 }, sentinel, { port: 2 }])}/3`);
    await connection.tried;
    await write(connection);
    const info = await connection.run((client) => client.client('INFO'));
    expect(info).toMatch(/ db=3 /);
  }
  expect(failures).toEqual([]);
  const refused = connect(`${set.url}/16`);
  await refused.tried;
  expect(refused.refusal).toMatch(/DB index is out of range/);
});

test('a paused sentinel does not keep a connection from the primary', async () => {
  const [paused, well] = set.sentinels as [Member, Member];
  paused.pause();
  try {
    // The order is another one each time.
    const made = Array.from({ length: 8 }, () => connect(urlOf([paused, well])));
    await Promise.all(made.map(({ tried }) => tried));
    await Promise.all(made.map(write));
    expect(failures).toEqual([]);
  } finally {
    paused.resume();
  }
});

test('a name that the sentinels do not know is said', async () => {
  const connection = connect(urlOf(set.sentinels, 'other'));
  await connection.tried;
  expect(failures[0]).toBe('a sentinel does not know the primary other');
});

test('a sentinel that names a replica is not believed', async () => {
  const replica = set.members.find((member) => member !== set.members[0]) as Member;
  // Sentinels write what they know into their file; this one knows another primary from the start.
  const client = new Redis({ host: '127.0.0.1', port: (set.sentinels[0] as Member).port });
  await client.call('SENTINEL', 'MONITOR', 'wrong', '127.0.0.1', String(replica.port), '3');
  client.disconnect();
  const connection = connect(urlOf(set.sentinels, 'wrong'));
  await connection.tried;
  expect(failures.join()).toContain('is a replica');
});

test('a connection outlives the sentinels of its address', async () => {
  const [only] = set.sentinels as [Member];
  const connection = connect(urlOf([only]));
  await eventually(() => write(connection));
  await only.kill();
  await (await set.primary()).ask((client) => client.client('KILL', 'TYPE', 'normal'));
  await eventually(() => write(connection));
  await only.start();
});

test('a primary whose replicas do not acknowledge is left, since another may have them', async () => {
  const connection = connect(set.url);
  await connection.tried;
  const idOf = () => connection.run((client) => client.client('ID'));
  const id = await idOf();
  const log = createLogStream(connection, keysOf(randomUUID()), { replicas: 9 });
  await eventually(async () => {
    await expect(log.hello()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/^only \d of 9 replicas/) },
    });
    expect(await idOf()).not.toBe(id);
  });
  // It is looked for, and not reported as lost.
  expect(failures).toEqual([]);
});

describe('nodes and a service', () => {
  const newGuard = guardMaker();

  test('confirm logouts again, and accept no ended token, while primaries fail', async () => {
    await set.whenWell();
    const world = await createWorld({ redis: set.url });
    try {
      const env = { ISSUER, REDIS_WAIT_REPLICAS: '1' };
      const nodes = [await world.node(env), await world.node(env)] as const;
      const client = new Redis({
        sentinels: set.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
        name: set.name,
        lazyConnect: true,
      });
      const guard = await newGuard({ ...trusting(nodes[0]), redis: client, allowInsecure: true });
      for (const node of nodes) await untilViewIsCurrent(node);
      await untilGuardIsCurrent(guard);
      const revoking = await startRevoking(nodes, [guard]);
      await revoking.untilConfirmed();

      // The primary dies, a replica takes over, and the old primary comes back.
      const before = await set.primary();
      await before.kill();
      expect(await set.primary()).not.toBe(before);
      await revoking.untilConfirmed();
      await before.start();
      await set.whenWell();
      await revoking.untilConfirmed();

      // The old primary is alive, takes writes and cuts nobody off, but no replica follows it.
      const old = await set.primary();
      await set.failover();
      await eventually(async () => expect(await set.primary()).not.toBe(old));
      await revoking.untilConfirmed();
      await set.whenWell();

      // All sentinels but one are dead.
      const [first, second] = set.sentinels as [Member, Member];
      await Promise.all([first.kill(), second.kill()]);
      await (await set.primary()).ask((direct) => direct.client('KILL', 'TYPE', 'normal'));
      await revoking.untilConfirmed();
      await Promise.all([first.start(), second.start()]);

      for (const node of nodes) await untilViewIsCurrent(node);
      await untilGuardIsCurrent(guard);
      expect(await revoking.stop()).toBeGreaterThan(10);
    } finally {
      await world.close();
    }
  });
});
