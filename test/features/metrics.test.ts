import { Client } from 'pg';
import { createReadiness } from '../../src/server/readiness';
import { sharedAnswer } from '../../src/core/shared-answer';
import { eventually } from '../support/eventually';
import { metricsOf } from '../support/probes';
import { sharedNodes, sharedWorld } from '../support/shared';
import { createWorld } from '../support/world';

const world = sharedWorld(() => createWorld({ redis: null }));
const [node] = sharedNodes(world, {});

test('requests are counted by the schema’s fields and by code, with their latency', async () => {
  const { accessToken } = await node.api.register('metrics@example.com');
  await node.api.send('query Made($up: Int) { alias: me { id } }', {}, accessToken);
  await node.api.send('query Up { me { id } }', {}, accessToken);
  await node.api.send('{ me { id } users { edges { node { id } } } }', {}, accessToken);
  await node.api.send('{ madeUp }', {}, accessToken);
  await fetch(`${node.url}/made/up`);
  await fetch(`${node.url}/readyz`);
  await eventually(async () => {
    const { text, value } = await metricsOf(node);
    expect(value('requests_total{operation="me",code="OK"}')).toBe(1);
    expect(value('requests_total{operation="several",code="FORBIDDEN"}')).toBe(1);
    expect(value('requests_total{operation="none",code="HTTP_404"}')).toBe(1);
    expect(value('request_seconds_count{operation="register"}')).toBe(1);
    expect(text).toMatch(/tokenfence_build_info\{version="\d+\.\d+\.\d+",node="v\d+\.\d+\.\d+"\} 1/);
    expect(text).not.toMatch(/madeUp|\/made|alias|readyz/i);
  });
});

test('failed logins, the hash queue and the pool are in the metrics', async () => {
  await node.api.send(
    'mutation { login(input: { email: "metrics@example.com", password: "wrong wrong" }) { accessToken } }',
  );
  const { value } = await metricsOf(node);
  expect(value('refusals_total{type="LOGIN_FAILED"}')).toBe(1);
  expect(value('hashes_waiting')).toBe(0);
  const [idle, inUse] = ['idle', 'in_use'].map((what) => value(`pool_${what}`));
  expect(idle! + inUse!).toBeGreaterThanOrEqual(1);
  expect(value('pool_waiting')).toBe(0);
});

test('two hundred concurrent readings of /readyz and /metrics cost Postgres a few statements', async () => {
  const client = new Client({ connectionString: world.databaseUrl });
  await client.connect();
  try {
    // Behind this lock, each statement waits on a connection of its own.
    await client.query('begin; lock table revocations, migrations in access exclusive mode');
  } catch {
    await client.query('rollback; begin; lock table revocations in access exclusive mode');
  }
  const readings = Array.from({ length: 200 }, (_, i) =>
    fetch(`${node.url}/${i % 2 ? 'readyz' : 'metrics'}`),
  );
  await eventually(async () => {
    const waiting = await world.sql<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    expect(waiting[0]!.n).toBeGreaterThanOrEqual(1);
  });
  const [{ n }] = (await world.sql<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  )) as [{ n: number }];
  expect(n).toBeLessThanOrEqual(3);
  await client.query('rollback');
  await client.end();
  for (const { status } of await Promise.all(readings)) expect(status).toBe(200);
});

test('callers share an answer until it is too old, and a failure is not kept', async () => {
  let now = 0;
  let calls = 0;
  let fail = false;
  const ask = sharedAnswer(1000, { monotonic: () => now }, () => {
    calls += 1;
    return fail ? Promise.reject(new Error('away')) : Promise.resolve(calls);
  });
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  now = 999;
  expect(await ask()).toBe(1);
  now = 1000;
  fail = true;
  await expect(ask()).rejects.toThrow('away');
  fail = false;
  now = 2000;
  expect(await ask()).toBe(3);
});

test('a silent Postgres counts as away, and one caller at a time asks it', async () => {
  let pings = 0;
  const readiness = createReadiness({
    postgres: {
      ping: () => {
        pings += 1;
        return new Promise(() => undefined);
      },
    },
    source: {
      readableEpoch: undefined,
      state: { isCurrent: true, reachesRedis: undefined, size: 0, lag: 0 },
    },
    hasPendingMigrations: () => new Promise(() => undefined),
    clockWatch: { isOff: false },
    clock: { monotonic: () => 0 },
  });
  const answers = await Promise.all(Array.from({ length: 100 }, readiness));
  for (const answer of answers) expect(answer).toMatchObject({ ready: true, degraded: ['postgres'] });
  expect(pings).toBe(1);
});
