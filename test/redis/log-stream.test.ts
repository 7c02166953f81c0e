import { Redis } from 'ioredis';
import { connectRedis, type RedisConnection } from '../../src/redis/client';
import { createLogReader } from '../../src/redis/log-reader';
import { createLogStream } from '../../src/redis/log-stream';
import { createRecords } from '../../src/redis/records';
import type { Publication } from '../../src/core/ports/log-stream';
import { eventually } from '../support/eventually';
import { logged, NAMES } from '../support/protocol-node';
import { portOf } from '../support/redis';
import { freePort, startRedis, type TestServer } from '../support/servers';
import { truthAt } from '../support/truth-on-user';
import type { VerifiedToken } from '../../src/core/claims';

const servers: TestServer[] = [];
const connections: RedisConnection[] = [];
const clients: Redis[] = [];
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  for (const client of clients.splice(0)) client.disconnect();
  for (const server of servers.splice(0)) await server.dispose();
});

const start = async (settings?: string[]) => {
  const server = await startRedis(settings);
  servers.push(server);
  const direct = new Redis(server.url);
  clients.push(direct);
  return { server, direct };
};
const connect = async ({ url }: TestServer) => {
  const connection = connectRedis(url, { failed: () => undefined });
  connections.push(connection);
  await connection.tried;
  return connection;
};
const session = (sessionId: string) => logged({ kind: 'SESSION', userId: 'U', sessionId });
const BEAT = { node: 'N', position: 0, tokenTtl: 900 };

test('a reader gets the published entries in order and without a gap', async () => {
  const { server } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const reader = createLogReader(await connect(server), NAMES);
  const { id, cursor, tail } = await stream.hello();
  expect(tail).toBe(0);
  const entries = ['a', 'b', 'c'].map(session);
  await stream.publish(id, entries.slice(0, 1));
  const publication = await stream.publish(id, entries.slice(1));
  expect(publication).toMatchObject({ epochId: id, position: 3 });
  const read = await reader.readFrom(cursor);
  expect(read.map(({ position }) => position)).toEqual([1, 2, 3]);
  expect(read.map(({ revocation }) => revocation)).toEqual(entries);
  expect(read.every(({ epochId }) => epochId === id)).toBe(true);
  const later = await stream.hello();
  expect(later).toMatchObject({ id, tail: 3, cursor: read[2]?.cursor });
  expect(await reader.readFrom(later.cursor)).toEqual([]);
});

test('a heartbeat registers its node and returns the tail; a node that beat again is not removed', async () => {
  const { server } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  await stream.beat(id, BEAT);
  const publication = await stream.publish(id, [session('a')]);
  if (publication === 'STALE') throw new Error('The epoch has ended.');
  const silent = new Map([...publication.nodes].map(([node, { beat }]) => [node, beat]));
  expect(silent.size).toBe(1);
  expect(await stream.beat(id, BEAT)).toMatchObject({ tail: 1, filled: false, longestTokenTtl: 900 });
  await stream.remove(id, silent);
  const nodes = await stream.nodes(id, ['M', 'N']);
  expect([...(nodes as Map<string, object>).keys()]).toEqual(['N']);
  await stream.remove(
    id,
    new Map([...(nodes as typeof publication.nodes)].map(([node, { beat }]) => [node, beat])),
  );
  expect(await stream.nodes(id, ['N'])).toEqual(new Map());
});

test('a look at the nodes reads any number of them', async () => {
  const { server, direct } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  const names = Array.from({ length: 20_000 }, (_, i) => `N${i}`);
  await direct.hset(NAMES.epoch, new Map(names.map((name, i) => [`n:${name}`, `${i}:${i}`])));
  const nodes = await stream.nodes(id, ['unknown', ...names]);
  expect(nodes).toEqual(new Map(names.map((name, i) => [name, { position: i, beat: `${i}:${i}` }])));
  expect(await stream.nodes(id, ['N7'])).toEqual(new Map([['N7', { position: 7, beat: '7:7' }]]));
  expect(await stream.nodes(id, [])).toEqual(new Map());
});

test('a heartbeat of a process that is up to date costs Redis four commands', async () => {
  const { server, direct } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  await stream.beat(id, BEAT);
  await direct.config('RESETSTAT');
  for (let i = 0; i < 10; i++) await stream.beat(id, BEAT);
  const stats = await direct.info('commandstats');
  const calls = [...stats.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)].map(([, name, count]) => [
    name,
    count,
  ]);
  expect(calls.filter(([name]) => name !== 'config|resetstat').sort()).toEqual([
    ['evalsha', '10'],
    ['hmget', '10'],
    ['hset', '10'],
    ['info', '10'],
  ]);
});

test('no two heartbeats of an epoch have the same count, and the longest token lifetime only grows', async () => {
  const { server } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  const beats = new Set<string>();
  for (const tokenTtl of [900, 3600, 0, 60]) {
    for (const node of ['N', 'M']) {
      const answer = await stream.beat(id, { node, position: 0, tokenTtl });
      expect(answer).toMatchObject({ longestTokenTtl: tokenTtl === 900 ? 900 : 3600 });
      const nodes = await stream.nodes(id, [node]);
      if (nodes !== 'STALE') beats.add(nodes.get(node)!.beat);
    }
    await stream.probe(id);
  }
  expect(beats.size).toBe(8);
});

test('a lost stream ends the epoch for a process that is behind, and for a publication', async () => {
  const { server, direct } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  await stream.publish(id, [session('a')]);
  await direct.del(NAMES.stream);
  // It has all that was confirmed in this epoch, so nothing is wrong with its view.
  expect(await stream.beat(id, { ...BEAT, position: 1 })).toMatchObject({ tail: 1 });
  expect(await stream.beat(id, BEAT)).toBe('STALE');
  expect(await stream.probe(id)).toBe('STALE');
  expect(await stream.publish(id, [session('b')])).toBe('STALE');
  expect(await stream.nodes(id, ['N'])).toBe('STALE');
  expect(await direct.exists(NAMES.stream)).toBe(0);
  expect((await stream.hello()).id).not.toBe(id);
});

test('heartbeats keep the epoch and the stream from expiring', async () => {
  const { server, direct } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  const expireSoon = async () => {
    for (const key of [NAMES.epoch, NAMES.stream]) await direct.pexpire(key, 60_000);
  };
  const lives = async () => Math.min(await direct.pttl(NAMES.epoch), await direct.pttl(NAMES.stream));
  await expireSoon();
  for (let i = 0; i < 1000; i++) await stream.probe(id);
  expect(await lives()).toBeGreaterThan(6 * 24 * 3_600_000);
  await expireSoon();
  await stream.hello();
  expect(await lives()).toBeGreaterThan(6 * 24 * 3_600_000);
});

test('the scripts do nothing in an epoch that has ended', async () => {
  const { server, direct } = await start();
  const stream = createLogStream(await connect(server), NAMES);
  const { id } = await stream.hello();
  await direct.flushall();
  const next = await stream.hello();
  expect(next.id).not.toBe(id);
  const answers = [
    await stream.beat(id, BEAT),
    await stream.probe(id),
    await stream.publish(id, [session('a')]),
    await stream.nodes(id, ['N']),
    await stream.heal(id, 'N', [session('b')], true, 0),
  ];
  expect(answers).toEqual(answers.map(() => 'STALE'));
  await stream.leave(id, 'N');
  expect(await stream.hello()).toEqual(next);
  expect(await direct.hget(NAMES.epoch, 'filled')).toBeNull();
});

test('a write counts only after the awaited replicas have it', async () => {
  const { server, direct: primary } = await start();
  const stream = createLogStream(await connect(server), NAMES, { replicas: 1 });
  await expect(stream.hello()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });

  const { server: replica, direct } = await start(['--replicaof', '127.0.0.1', new URL(server.url).port]);
  const { id } = await eventually(() => stream.hello());
  expect(await eventually(() => stream.beat(id, BEAT))).toMatchObject({ tail: 0 });
  const { position } = (await eventually(() => stream.publish(id, [session('a')]))) as Publication;
  expect(await direct.hget(NAMES.epoch, 'seq')).toBe(String(position));

  // It joined before another process wanted more, as a service does that is never restarted.
  const service = createLogStream(await connect(server), NAMES);
  expect((await service.hello()).id).toBe(id);
  await createLogStream(await connect(server), NAMES, { replicas: 2 })
    .hello()
    .catch(() => undefined);
  await expect(service.beat(id, BEAT)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  await expect(service.publish(id, [session('c')])).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  await primary.hset(NAMES.epoch, 'replicas', 1);

  replica.pause();
  await expect(stream.beat(id, BEAT)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  await expect(stream.publish(id, [session('b')])).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  replica.resume();
  await eventually(() => stream.beat(id, BEAT));
});

test('the scripts run on Redis Cluster: their keys are declared and lie in one slot', async () => {
  const { server, direct } = await start([
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(await freePort()),
  ]);
  await direct.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await eventually(async () => expect(await direct.call('CLUSTER', 'INFO')).toContain('cluster_state:ok'));
  const connection = await connect(server);
  const stream = createLogStream(connection, NAMES);
  const records = createRecords(connection, NAMES);
  const { id } = await stream.hello();
  const token = { keyId: 'K', claims: { sub: 'U', jti: 'T', sid: 'S' } } as VerifiedToken;
  const missing = await records.read(id, token);
  if (missing.found) throw new Error('There is a record already.');
  await records.fill(missing.ticket, 'U', truthAt(1));
  await stream.beat(id, BEAT);
  await stream.heal(id, 'N', [session('a')], true, 0);
  await stream.publish(id, [session('S'), logged({ kind: 'EVERYONE', globalVersion: 2 })]);
  await stream.remove(id, new Map([['M', '0:1']]));
  await stream.leave(id, 'N');
  expect(await records.read(id, token)).toMatchObject({
    found: true,
    known: { denied: true, globalVersion: 2 },
  });
});

test('a server that was demoted and promoted again begins another epoch', async () => {
  const [{ server: one, direct: first }, { server: two, direct: second }] = [await start(), await start()];
  const stream = createLogStream(await connect(one), NAMES);
  const follow = async (replica: Redis, primary: TestServer) => {
    await replica.replicaof('127.0.0.1', portOf(primary));
    await eventually(async () =>
      expect(await replica.info('replication')).toContain('master_link_status:up'),
    );
  };
  const { id } = await stream.hello();
  await follow(second, one);
  // The other server does not receive this publication.
  await second.replicaof('NO', 'ONE');
  await stream.publish(id, [session('lost')]);
  await follow(first, two);
  await first.replicaof('NO', 'ONE');
  // It has the data of the other server: the epoch lives there, without the publication.
  expect(await first.hget(NAMES.epoch, 'id')).toBe(id);
  const again = createLogStream(await connect(one), NAMES);
  expect(await again.nodes(id, [])).toBe('STALE');
  expect((await again.hello()).id).not.toBe(id);
});
