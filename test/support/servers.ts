import { execFile, execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { HOW_TO_INSTALL, launchInDocker } from './docker-server';
import { findProgram } from './programs';
import { launch, type TestServer } from './server-process';

export type { TestServer };

/**
 * Finds a free port below the range of outgoing connections. A port of that range may be taken while its server is
 * down, even by a client that tries to reach the server.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(16_384, 32_768);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Postgres refuses to run as root, so root runs it as another user. */
export function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => {
    for (const user of ['postgres', 'nobody']) {
      try {
        return Number(
          execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
        );
      } catch {
        continue;
      }
    }
    throw new Error('Postgres needs a user "postgres" or "nobody" to run as.');
  };
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function postgresAnswers(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('select 1');
  await client.end();
}

/** Connects, for which the client asks with `INFO` whether all data has been loaded, and runs `ask`. */
async function redisAnswers(url: string, ask: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await ask(client);
  } finally {
    client.disconnect();
  }
}

export interface PostgresOptions {
  /** Forces every commit to the disk, like a server with real data. */
  readonly durable?: boolean;
  /** More settings, like `ssl=on`; not in Docker. */
  readonly settings?: readonly string[];
  /** The URL of the server to follow as a streaming standby; not in Docker. */
  readonly follows?: string;
}

/** How the data of a Postgres comes into its folder. */
type Filling = (data: string) => readonly [program: string, args: string[]];

const empty =
  (initdb: string): Filling =>
  (data) => [initdb, ['-D', data, '-U', 'tokenfence', '-A', 'trust', '-E', 'UTF8', '--no-sync']];

const copied =
  (folder: string): Filling =>
  (data) => ['cp', ['-R', join(folder, 'data'), data]];

/** A copy of a running server, which follows it. */
const following =
  (url: string): Filling =>
  (data) => [
    findProgram('pg_basebackup') ?? 'pg_basebackup',
    ['-d', url, '-D', data, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'],
  ];

/** Makes a folder for the data of a Postgres. */
async function makePostgresFolder(filling: Filling): Promise<string> {
  const owner = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-postgres-'));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const [program, args] = filling(join(folder, 'data'));
  await promisify(execFile)(program, args, { ...owner, cwd: folder });
  return folder;
}

/** Makes the empty folder that `startPostgres` copies, which takes a tenth of the time. Undefined in Docker. */
export async function preparePostgresFolder(): Promise<string | undefined> {
  const initdb = findProgram('initdb');
  return initdb && makePostgresFolder(empty(initdb));
}

export async function startPostgres({
  durable = false,
  settings = [],
  follows,
}: PostgresOptions = {}): Promise<TestServer> {
  const program = findProgram('postgres');
  const initdb = findProgram('initdb');
  if (!program || !initdb) return launchInDocker('postgres');

  const owner = unprivileged();
  const prepared = process.env.PREPARED_POSTGRES_FOLDER;
  const usual = prepared === undefined ? empty(initdb) : copied(prepared);
  const folder = await makePostgresFolder(follows === undefined ? usual : following(follows));
  const data = join(folder, 'data');
  const port = await freePort();
  const url = `postgres://tokenfence@127.0.0.1:${port}/postgres`;
  const args = ['-D', data, '-p', `${port}`, '-h', '127.0.0.1', '-k', folder, '-c', 'max_connections=300'];
  // No fsync by default: no test takes the power away, and tests start many databases.
  if (!durable) args.push('-F');
  for (const setting of settings) args.push('-c', setting);
  return launch({ program, args, owner, folder, url, answers: () => postgresAnswers(url) });
}

interface RedisRecipe {
  readonly args: (port: number, folder: string) => string[];
  /** `name:password` of the user that asks whether it is ready. */
  readonly login?: string;
  readonly ask?: (client: Redis) => Promise<unknown>;
}

async function launchRedis({
  args,
  login,
  ask = (client) => client.ping(),
}: RedisRecipe): Promise<TestServer> {
  const program = findProgram('redis-server');
  if (!program) throw new Error(HOW_TO_INSTALL);
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-redis-'));
  const port = await freePort();
  const url = `redis://${login === undefined ? '' : `${login}@`}127.0.0.1:${port}`;
  const answers = () => redisAnswers(url, ask);
  return launch({ program, args: args(port, folder), folder, url, answers });
}

/** Writes a configuration file and returns its path. */
function configure(folder: string, port: number, text: string): string {
  const path = join(folder, 'redis.conf');
  writeFileSync(path, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n${text}\n`);
  return path;
}

/** @param settings more arguments, like `['--cluster-enabled', 'yes']`; not in Docker */
export async function startRedis(settings: readonly string[] = []): Promise<TestServer> {
  if (!findProgram('redis-server')) return launchInDocker('redis');
  const usual = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return launchRedis({
    args: (port, folder) => ['--port', `${port}`, '--dir', folder, ...usual, ...settings],
  });
}

/**
 * Starts a Redis with this text as its `redis.conf`. Not in Docker.
 *
 * @param login `name:password` of a user in it that may run `INFO`
 */
export const startRedisBy = (configuration: string, login: string): Promise<TestServer> =>
  launchRedis({
    args: (port, folder) => [configure(folder, port, configuration)],
    login,
    // The user may have few permissions.
    ask: () => Promise.resolve(),
  });

/** Starts one sentinel, which is enough for a failover. Not in Docker. */
export const startSentinel = (primary: TestServer): Promise<TestServer> =>
  launchRedis({
    args: (port, folder) => [
      configure(
        folder,
        port,
        `sentinel monitor main 127.0.0.1 ${new URL(primary.url).port} 1
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 5000`,
      ),
      '--sentinel',
    ],
  });
