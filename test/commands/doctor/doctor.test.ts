import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { compareClock } from '../../../src/commands/doctor/clock';
import { examine, findings } from '../../../src/commands/doctor/examine';
import { createSeal } from '../../../src/tokens/sealing';
import { newEmbeddedFolder, QUICK_START } from '../../support/embedded-folder';
import { startRedis, type TestServer } from '../../support/servers';
import { withWeakRole } from '../../support/weak-role';
import { createWorld, type Env, TEST_ENV, type World } from '../../support/world';

let world: World;
let redis: TestServer;
let direct: Redis;
beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes']);
  direct = new Redis(redis.url);
  world = await createWorld({ redis: redis.url });
  const node = await world.node();
  await node.close();
});
afterAll(async () => {
  direct.disconnect();
  await world.close();
  await redis.dispose();
});

const examined = (env: Env = {}) =>
  findings({
    SECRET: TEST_ENV.SECRET,
    DATABASE_URL: world.databaseUrl,
    REDIS_URL: redis.url,
    ...env,
  });
const faultsIn = async (env: Env = {}) =>
  (await examined(env))
    .filter(({ level }) => level === 'fault')
    .map(({ subject, text }) => `${subject}: ${text}`);

test('without faults, each check is reported and nothing is left in the stores', async () => {
  const before = await direct.dbsize();
  const found = await examined();
  expect(found.filter(({ level }) => level === 'fault')).toEqual([]);
  const text = found.map((finding) => finding.text).join('\n');
  for (const words of [
    'connected to version',
    'every property',
    'all migrations have run',
    'may create tables',
    'SECRET decrypts the keys',
    'match those of the nodes',
    'stays on this machine',
    'every command that Tokenfence needs',
    'run_id',
    'noeviction',
    'the clock of Postgres',
    'the clock of Redis',
  ])
    expect(text).toContain(words);
  expect(await direct.dbsize()).toBe(before);
});

test('every fault in the settings is reported', async () => {
  expect(await faultsIn({ PORT: 'x', SECRET: 'short' })).toEqual([
    expect.stringMatching(/^Settings: SECRET/),
    expect.stringMatching(/^Settings: PORT/),
  ]);
});

test.each<[string, Env, RegExp]>([
  ['a Postgres that is away', { DATABASE_URL: 'postgres://u@127.0.0.1:1/x' }, /^Postgres: .*ECONNREFUSED/],
  [
    'a Redis that is away',
    { REDIS_URL: 'redis://127.0.0.1:1' },
    /^Redis: REDIS_URL cannot be reached: .*ECONNREFUSED/,
  ],
  ['another SECRET', { SECRET: 'Zx81-another-secret-of-good-length-42' }, /^Postgres: SECRET cannot decrypt/],
  [
    'no Redis where the nodes have one',
    { REDIS_URL: undefined },
    /^Settings: .*npx tokenfence admin redis off/,
  ],
  ['another lease', { REVOCATION_LEASE: '2s' }, /^Settings: .*npx tokenfence admin lease 2000ms/],
])('%s is reported, with what to do', async (_what, env, sentence) => {
  expect(await faultsIn(env)).toEqual([expect.stringMatching(sentence)]);
});

test('a refresh key that SECRET does not decrypt is reported, with how to change SECRET', async () => {
  const context = 'refresh key 1';
  const [row] = await world.sql<{ sealed_key: string }>('select sealed_key from refresh_keys');
  const set = (text: string) => world.sql('update refresh_keys set sealed_key = $1', [text]);
  await set(createSeal('Zx81-another-secret-of-good-length-42').close('a key', context));
  expect(await faultsIn()).toEqual([
    expect.stringMatching(/^Postgres: SECRET cannot decrypt .* npx tokenfence admin reseal$/),
  ]);
  await set(row!.sealed_key);
  expect(await faultsIn()).toEqual([]);
});

test('a missing Redis database is reported', async () => {
  expect(await faultsIn({ REDIS_URL: `${redis.url}/99` })).toEqual([
    expect.stringMatching(/^Redis: Redis refuses the database in REDIS_URL/),
  ]);
});

test('the permissions that a Redis user lacks are named', async () => {
  const rules = ['on', '>hunter2', '~{tokenfence:*', '+@all', '-xread', '-pttl'];
  await direct.call('ACL', 'SETUSER', 'narrow', ...rules);
  const url = new URL(redis.url);
  url.username = 'narrow';
  url.password = 'hunter2';
  const faults = await faultsIn({ REDIS_URL: url.href });
  expect(faults).toEqual([expect.stringMatching(/\+pttl \+xread/)]);
  url.password = 'wrong-hunter2';
  const refused = await faultsIn({ REDIS_URL: url.href });
  expect(refused).toEqual([expect.stringMatching(/^Redis: REDIS_URL cannot be reached: .*WRONGPASS/)]);
  expect(refused.join()).not.toContain('hunter2');
});

test('a Redis that evicts keys is reported, and so is a replica', async () => {
  await direct.config('SET', 'maxmemory-policy', 'allkeys-lru');
  expect(await faultsIn()).toEqual([expect.stringMatching(/maxmemory-policy is allkeys-lru/)]);
  await direct.config('SET', 'maxmemory-policy', 'noeviction');
  const replica = await startRedis(['--replicaof', '127.0.0.1', new URL(redis.url).port]);
  try {
    const faults = await faultsIn({ REDIS_URL: replica.url });
    expect(faults).toContainEqual(expect.stringMatching(/it is a replica/));
  } finally {
    await replica.dispose();
  }
});

test('a role that may not create tables is a fault while migrations are pending', () =>
  withWeakRole(async (own, url) => {
    const env = { DATABASE_URL: url, REDIS_URL: undefined };
    expect(await faultsIn(env)).toEqual([expect.stringMatching(/may not create tables.*grant create/)]);
    expect(await faultsIn({ ...env, DATABASE_URL: own.databaseUrl })).toEqual([]);
    expect(await own.sql(`select tablename from pg_tables where schemaname = 'public'`)).toEqual([]);
  }));

test.each([
  [0, 'well'],
  [4000, 'well'],
  [-4000, 'well'],
  [6000, 'fault'],
  [-6000, 'fault'],
])('a clock that differs by %s ms is a %s', async (difference, level) => {
  const read = () => Promise.resolve(1_000_000 + difference);
  const clock = { now: () => 1_000_000, monotonic: () => 0 };
  expect(await compareClock('Redis', read, 5000, clock)).toMatchObject({ level });
});

test('the command prints its findings, ends with 1 on a fault, and leaves the embedded mode alone', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'tokenfence-doctor-'));
  const folder = await newEmbeddedFolder();
  const command = (words: string[], env: NodeJS.ProcessEnv) =>
    promisify(execFile)(
      process.execPath,
      [QUICK_START, join(__dirname, '../../../dist/src/main.js'), ...words],
      { env: { PATH: process.env.PATH, DATA_DIR: folder.path, ...env } },
    );
  try {
    await expect(command(['doctor'], { PORT: 'x' })).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^FAULT {2}Settings: PORT.*Faults to fix: 1\.\n$/s),
    });
    expect(await examine({ DATA_DIR: empty })).toEqual({
      code: 0,
      text: expect.stringMatching(/no data in .* yet.*No faults found\.\n$/s),
    });
    expect(await readdir(empty)).toEqual([]);
    await command(['admin', 'create', 'root@example.com'], {});
    const { SECRET } = TEST_ENV;
    expect((await command(['doctor'], { SECRET })).stdout).toMatch(
      /all migrations have run.*No faults found\.\n$/s,
    );
  } finally {
    await rm(empty, { recursive: true, force: true });
    await folder.remove();
  }
});
