import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Client } from 'pg';
import { createDataSource } from '../../src/postgres/data-source';
import { type LockHolder, migrate, START_LOCK } from '../../src/postgres/start';
import { eventually } from '../support/eventually';
import { createWorld, TEST_ENV, type World } from '../support/world';

let world: World;
let holder: Client;
let holderPid: number;
beforeAll(async () => {
  world = await createWorld();
  // Like the start of another node whose machine was lost, and whose session Postgres still keeps.
  holder = new Client({ connectionString: world.databaseUrl, application_name: 'another start' });
  await holder.connect();
  await holder.query('select pg_advisory_lock($1)', [START_LOCK]);
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
  holderPid = rows[0]!.pid;
});
afterAll(async () => {
  await holder.end();
  await world.close();
});

test('a waiting start names the session that holds the lock, and ends at once on request', async () => {
  const dataSource = createDataSource({ url: world.databaseUrl }, { statementTimeout: 0, poolSize: 1 });
  await dataSource.initialize();
  const stop = new AbortController();
  const told: (LockHolder | undefined)[] = [];
  const prepared = jest.fn(() => Promise.resolve());
  const onWait = (lockHolder: LockHolder | undefined) => {
    told.push(lockHolder);
    stop.abort();
  };
  await expect(migrate(dataSource, prepared, { signal: stop.signal, onWait })).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(told).toEqual([
    { pid: holderPid, application: 'another start', address: '127.0.0.1', since: expect.any(Date) },
  ]);
  expect(prepared).not.toHaveBeenCalled();
  await dataSource.destroy();
});

test('a waiting process logs that it waits, and SIGTERM ends it with 0', async () => {
  const child = spawn(process.execPath, [join(__dirname, '../../dist/src/main.js')], {
    env: { PATH: process.env.PATH, ...TEST_ENV, DATABASE_URL: world.databaseUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  try {
    await eventually(() => expect(output).toContain(`"pid":${holderPid}`), 20_000);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(output).not.toMatch(/did not start| {4}at /);
  } finally {
    child.kill('SIGKILL');
  }
});

test('the lock ends with the transaction, after a good start and a failed one', async () => {
  const own = await createWorld();
  const dataSource = createDataSource({ url: own.databaseUrl }, { statementTimeout: 0, poolSize: 2 });
  await dataSource.initialize();
  const held = () =>
    own.sql(
      `select pid from pg_locks where locktype = 'advisory' and objid = $1
       and database = (select oid from pg_database where datname = current_database())`,
      [START_LOCK],
    );
  await migrate(dataSource, async () => expect(await held()).toHaveLength(1));
  expect(await held()).toEqual([]);
  const failing = migrate(dataSource, () => Promise.reject(new Error('prepared badly')));
  await expect(failing).rejects.toThrow('prepared badly');
  expect(await held()).toEqual([]);
  await dataSource.destroy();
  await own.close();
});
