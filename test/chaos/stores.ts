import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { TestServer } from '../support/servers';

/** Runs commands on a Redis server without the nodes' knowledge. */
export async function onRedis<T>({ url }: TestServer, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** Runs SQL without the server's knowledge. */
export async function onPostgres<Row extends object>(
  { url }: TestServer,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

const portOf = ({ url }: TestServer) => Number(new URL(url).port);

export const follow = (replica: TestServer, primary: TestServer) =>
  onRedis(replica, (client) => client.replicaof('127.0.0.1', portOf(primary)));

export const promote = (replica: TestServer) => onRedis(replica, (client) => client.replicaof('NO', 'ONE'));

/** The folder in which `startRedis` lets its servers write. In a container it would be another path. */
const isOurs = (folder: string) => folder.startsWith(join(tmpdir(), 'tokenfence-redis-'));

/** Kills it and deletes its data, even data that an earlier fault wrote to the disk. */
export async function killForgetting(server: TestServer): Promise<void> {
  const [, folder = ''] = await onRedis(server, (client) => client.config('GET', 'dir') as Promise<string[]>);
  await server.kill();
  if (isOurs(folder)) await rm(join(folder, 'dump.rdb'), { force: true });
}
