import { createServer, type Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { connectRedis, RedisConnection, type RedisSource } from '../../src/redis/client';
import { createRoute } from '../../src/redis/route';
import { eventually } from '../support/eventually';
import { listen } from '../support/listen';
import { startProxy } from '../support/proxy';
import { portOf, withRedis } from '../support/redis';
import { startRedis, startSentinel, type TestServer } from '../support/servers';

const servers: TestServer[] = [];
const connections: RedisConnection[] = [];
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  for (const server of servers.splice(0).reverse()) await server.dispose();
});

const start = async (settings?: string[]) => {
  const server = await startRedis(settings);
  servers.push(server);
  return server;
};
const failures: string[] = [];
const connect = (source: RedisSource) => {
  const connection = connectRedis(source, { failed: (reason) => void failures.push(reason) });
  connections.push(connection);
  return connection;
};
/** The settings of a service's own client, which never connects. */
const settingsOf = (options: RedisOptions) => ({
  options: new Redis({ ...options, lazyConnect: true }).options,
});

test('from a client only the address of Redis is used, not its other options', async () => {
  const server = await start();
  await withRedis(server.url, (direct) => direct.config('SET', 'requirepass', 'hunter2'));
  const theirs: RedisOptions = {
    host: '127.0.0.1',
    port: portOf(server),
    password: 'hunter2',
    db: 3,
    keyPrefix: 'mine:',
    stringNumbers: true,
    enableAutoPipelining: true,
    commandTimeout: 1,
    readOnly: true,
    reconnectOnError: () => 2,
  };
  for (const source of [settingsOf(theirs), `redis://:hunter2@127.0.0.1:${portOf(server)}/3?family=4`]) {
    const connection = connect(source);
    await connection.tried;
    await connection.run((client) => client.set('count', 1));
    expect(await connection.run((client) => client.incr('count'))).toBe(2);
    const info = await connection.run((client) => client.client('INFO'));
    expect(info).toMatch(/name=tokenfence .*db=3 /);
    // Longer than the other client would wait.
    expect(await connection.run((client) => client.blpop('nothing', 0.05))).toBeNull();
    expect(await connection.run((client) => Promise.resolve(client.options))).toMatchObject({
      enableAutoPipelining: false,
      stringNumbers: false,
      keyPrefix: '',
      readOnly: false,
      reconnectOnError: null,
    });
  }
});

test('the client asks sentinels for the primary, before and after a failover', async () => {
  const primary = await start();
  const replica = await start(['--replicaof', '127.0.0.1', String(portOf(primary))]);
  const sentinel = await startSentinel(primary);
  servers.push(sentinel);
  const connection = connect(
    settingsOf({ sentinels: [{ host: '127.0.0.1', port: portOf(sentinel) }], name: 'main' }),
  );
  await eventually(() => connection.run((client) => client.set('before', '1')));
  const direct = new Redis(replica.url);
  await eventually(async () => expect(await direct.get('before')).toBe('1'));
  // A sentinel promotes only a replica that it knows.
  await withRedis(sentinel.url, (asked) =>
    eventually(async () =>
      expect(JSON.stringify(await asked.call('SENTINEL', 'REPLICAS', 'main'))).toContain(
        String(portOf(replica)),
      ),
    ),
  );
  await primary.kill();
  await eventually(() => connection.run((client) => client.set('after', '1')));
  expect(await direct.mget('before', 'after')).toEqual(['1', '1']);
  direct.disconnect();
});

test('missing and silent sentinels are tried again without harm', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  const port = portOf({ url: await listen(silent) });
  failures.length = 0;
  for (const sentinel of [
    { host: '127.0.0.1', port: 1 },
    { host: '127.0.0.1', port },
  ]) {
    const connection = connect(settingsOf({ sentinels: [sentinel], name: 'main' }));
    await connection.tried;
    await expect(connection.run((client) => client.ping())).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    });
    const before = failures.length;
    await eventually(() => expect(failures.length).toBeGreaterThan(before + 1));
    connection.close();
  }
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('a missing Redis database is refused and never replaced by another one', async () => {
  const server = await start(['--databases', '4']);
  failures.length = 0;
  const connection = connect(`${server.url}/9`);
  await connection.tried;
  expect(connection.refusal).toMatch(/DB index is out of range/);
  expect(failures[0]).toMatch(/DB index is out of range/);
  await expect(connection.run((client) => client.set('somewhere', '1'))).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
  expect(await withRedis(server.url, (direct) => direct.keys('*'))).toEqual([]);
  const other = connect(`${server.url}/3`);
  await other.tried;
  expect(other.refusal).toBeUndefined();
});

describe('after a rest', () => {
  let slept = 0;
  const clock = { now: () => Date.now() + slept, monotonic: () => performance.now() };
  async function connectThrough(server: TestServer) {
    const proxy = await startProxy(server.url);
    const availability = { failed: (reason: string) => void failures.push(reason) };
    const connection = new RedisConnection(createRoute(proxy.url, ''), availability, { clock });
    connections.push(connection);
    await connection.tried;
    const idOf = () => connection.run((client) => client.client('ID'));
    return { connection, proxy, idOf };
  }

  test('a connection that the network has forgotten is replaced, and no command is sent twice', async () => {
    failures.length = 0;
    const { connection, proxy, idOf } = await connectThrough(await start());
    const first = await idOf();
    slept += 60_000;
    expect(await idOf()).toBe(first);
    proxy.forget();
    slept += 60_000;
    const counts = [1, 2, 3].map(() => connection.run((client) => client.incr('count')));
    expect(await Promise.all(counts)).toEqual([1, 2, 3]);
    expect(await idOf()).not.toBe(first);
    expect(failures).toEqual([]);
    await proxy.close();
  });

  test('a user who may not run the proof keeps the connection', async () => {
    const server = await start();
    await withRedis(server.url, (direct) => direct.acl('SETUSER', 'default', '-client|setname'));
    const { proxy, idOf } = await connectThrough(server);
    const first = await idOf();
    slept += 60_000;
    expect(await idOf()).toBe(first);
    await proxy.close();
  });

  test('an answer counts that waited while the process was suspended', async () => {
    const connection = connect((await start()).url);
    await connection.tried;
    const answer = connection.run((client) => client.ping(), 50);
    await new Promise((resolve) => setImmediate(resolve));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    expect(await answer).toBe('PONG');
  });
});
