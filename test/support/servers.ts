import { execFile, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { findProgram, hasDocker } from './programs';
import { eventually } from './eventually';

/** A temporary server, which a test may kill or pause. */
export interface TestServer {
  readonly url: string;
  /** Kills it, like a crash. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with its data if it keeps any. */
  start(): Promise<void>;
  /** Suspends the process, like an overloaded machine. */
  pause(): void;
  resume(): void;
  /** Ends it and deletes its files. */
  dispose(): Promise<void>;
}

const HOW_TO_INSTALL =
  'The tests need Postgres and Redis: install the programs postgres and redis-server (on Debian or Ubuntu: ' +
  'apt-get install postgresql redis-server), or start Docker, or set TEST_DATABASE_URL and TEST_REDIS_URL.';

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
function unprivileged(): { uid?: number; gid?: number } {
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

interface Recipe {
  readonly program: string;
  readonly args: string[];
  readonly owner?: { uid?: number; gid?: number };
  readonly folder: string;
  readonly url: string;
  readonly answers: () => Promise<unknown>;
}

// If a test fails before it disposes of its server, or the run is ended.
const running = new Set<ReturnType<typeof spawn>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

async function launch({ program, args, owner, folder, url, answers }: Recipe): Promise<TestServer> {
  let child: ReturnType<typeof spawn> | undefined;
  let ended: Promise<void> = Promise.resolve();

  const spawnOnce = () => {
    let output = '';
    const started = spawn(program, args, { ...owner, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    started.stdout.on('data', (text: Buffer) => (output += text.toString()));
    started.stderr.on('data', (text: Buffer) => (output += text.toString()));
    ended = new Promise((resolve) => started.once('exit', () => resolve()));
    child = started;
    running.add(started);
    started.once('exit', () => running.delete(started));
    return { hasEnded: () => started.exitCode !== null, output: () => output.slice(-2000) };
  };
  const start = async () => {
    let attempt = spawnOnce();
    await eventually(async () => {
      if (attempt.hasEnded()) {
        const said = attempt.output();
        // The children of a killed Postgres hold its memory for a moment.
        attempt = spawnOnce();
        throw new Error(`${program} ended:\n${said}`);
      }
      await answers();
    }, 30_000);
  };
  const kill = async () => {
    child?.kill('SIGCONT');
    child?.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async dispose() {
      await kill();
      // The children of a killed Postgres may still write for a moment.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

async function postgresAnswers(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('select 1');
  await client.end();
}

/** For a user with few permissions: the client would ask with INFO whether all data has been loaded. */
async function redisIsReady(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1000 });
  client.on('error', () => undefined);
  await client.connect().finally(() => client.disconnect());
}

async function redisAnswers(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1000 });
  client.on('error', () => undefined);
  await client.connect();
  await client.ping();
  client.disconnect();
}

/** One service of the compose file, in its own project. */
async function launchInDocker(service: 'postgres' | 'redis'): Promise<TestServer> {
  if (!hasDocker()) throw new Error(HOW_TO_INSTALL);
  const project = `tokenfence-test-${service}-${process.pid}-${Date.now()}`;
  const compose = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('docker', ['compose', '-p', project, ...args], {
      env: {
        ...process.env,
        POSTGRES_PASSWORD: 'test',
        REDIS_PASSWORD: 'test',
        SECRET: 'unused',
        POSTGRES_PORT: '0',
        REDIS_PORT: '0',
      },
    });
    return stdout.trim();
  };
  await compose('up', '-d', '--wait', service);
  const port =
    (await compose('port', service, service === 'postgres' ? '5432' : '6379')).split(':').at(-1) ?? '';
  const url =
    service === 'postgres'
      ? `postgres://tokenfence:test@127.0.0.1:${port}/tokenfence`
      : `redis://:test@127.0.0.1:${port}`;
  return {
    url,
    kill: () => compose('kill', '-s', 'SIGKILL', service).then(() => undefined),
    start: () => compose('up', '-d', '--wait', service).then(() => undefined),
    pause: () => void execFileSync('docker', ['compose', '-p', project, 'pause', service]),
    resume: () => void execFileSync('docker', ['compose', '-p', project, 'unpause', service]),
    dispose: () => compose('down', '-v').then(() => undefined),
  };
}

export interface PostgresOptions {
  /** Forces every commit to the disk, like a server with real data. */
  readonly durable?: boolean;
}

export async function startPostgres({ durable = false }: PostgresOptions = {}): Promise<TestServer> {
  const program = findProgram('postgres');
  const initdb = findProgram('initdb');
  if (!program || !initdb) return launchInDocker('postgres');

  const owner = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-postgres-'));
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(folder, owner.uid, owner.gid);
  const data = join(folder, 'data');
  await promisify(execFile)(
    initdb,
    ['-D', data, '-U', 'tokenfence', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    {
      ...owner,
      cwd: folder,
    },
  );
  const port = await freePort();
  const url = `postgres://tokenfence@127.0.0.1:${port}/postgres`;
  return launch({
    program,
    // No fsync by default: no test takes the power away, and tests start many databases.
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-h',
      '127.0.0.1',
      '-k',
      folder,
      ...(durable ? [] : ['-F']),
      '-c',
      'max_connections=300',
    ],
    owner,
    folder,
    url,
    answers: () => postgresAnswers(url),
  });
}

/** @param settings more arguments, like `['--cluster-enabled', 'yes']`; not in Docker */
export async function startRedis(settings: readonly string[] = []): Promise<TestServer> {
  const program = findProgram('redis-server');
  if (!program) return launchInDocker('redis');
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  return launch({
    program,
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
      ...settings,
    ],
    folder,
    url,
    answers: () => redisAnswers(url),
  });
}

/**
 * Starts a Redis with this text as its `redis.conf`. Not in Docker.
 *
 * @param login `name:password` of a user in it that may run `INFO`
 */
export async function startRedisBy(configuration: string, login: string): Promise<TestServer> {
  const program = findProgram('redis-server');
  if (!program) throw new Error(HOW_TO_INSTALL);
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-redis-'));
  const port = await freePort();
  const settings = join(folder, 'redis.conf');
  writeFileSync(settings, `port ${port}\nbind 127.0.0.1\ndir ${folder}\n${configuration}\n`);
  const url = `redis://${login}@127.0.0.1:${port}`;
  return launch({ program, args: [settings], folder, url, answers: () => redisIsReady(url) });
}

/** Starts one sentinel, which is enough for a failover. Not in Docker. */
export async function startSentinel(primary: TestServer): Promise<TestServer> {
  const program = findProgram('redis-server');
  if (!program) throw new Error(HOW_TO_INSTALL);
  const folder = mkdtempSync(join(tmpdir(), 'tokenfence-sentinel-'));
  const port = await freePort();
  const settings = join(folder, 'sentinel.conf');
  writeFileSync(
    settings,
    `port ${port}
bind 127.0.0.1
sentinel monitor main 127.0.0.1 ${new URL(primary.url).port} 1
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 5000
`,
  );
  const url = `redis://127.0.0.1:${port}`;
  return launch({ program, args: [settings, '--sentinel'], folder, url, answers: () => redisAnswers(url) });
}
