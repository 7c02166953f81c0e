import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { connectRedis, type RedisConnection, type RedisSource } from '../../src/redis/client';
import { eventually } from '../support/eventually';
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
/** The settings of a client that a service has, which is never connected. */
const settingsOf = (options: RedisOptions) => ({
  options: new Redis({ ...options, lazyConnect: true }).options,
});
const portOf = ({ url }: TestServer) => Number(new URL(url).port);

test('of a client is taken where Redis is, and nothing of how it reads answers and waits for them', async () => {
  const server = await start();
  const direct = new Redis(server.url);
  await direct.config('SET', 'requirepass', 'hunter2');
  direct.disconnect();
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
    // Longer than their patience.
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

test('sentinels say where the primary is, and where it is after a failover', async () => {
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
  // A sentinel promotes only a replica that it has heard of.
  const asked = new Redis(sentinel.url);
  await eventually(async () =>
    expect(JSON.stringify(await asked.call('SENTINEL', 'REPLICAS', 'main'))).toContain(
      String(portOf(replica)),
    ),
  );
  asked.disconnect();
  await primary.kill();
  await eventually(() => connection.run((client) => client.set('after', '1')));
  expect(await direct.mget('before', 'after')).toEqual(['1', '1']);
  direct.disconnect();
});

test('sentinels that are not there, or say nothing, are waited for, and harm no one', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
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

test('a database that Redis does not have is refused, and never taken for another one', async () => {
  const server = await start(['--databases', '4']);
  failures.length = 0;
  const connection = connect(`${server.url}/9`);
  await connection.tried;
  expect(connection.refusal).toMatch(/DB index is out of range/);
  expect(failures[0]).toMatch(/DB index is out of range/);
  await expect(connection.run((client) => client.set('somewhere', '1'))).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
  const direct = new Redis(server.url);
  expect(await direct.keys('*')).toEqual([]);
  direct.disconnect();
  const other = connect(`${server.url}/3`);
  await other.tried;
  expect(other.refusal).toBeUndefined();
});
