import type { DataSource } from 'typeorm';
import { createDataSource } from '../../src/postgres/data-source';
import { agreeOn } from '../../src/postgres/fleet-settings';
import { purge } from '../../src/postgres/purge';
import { migrate } from '../../src/postgres/start';
import { eventually } from '../support/eventually';
import { type World } from '../support/world';
import { worldMakerOnOwnPostgres } from '../support/world-maker';

const newWorld = worldMakerOnOwnPostgres();

const withDataSource = async <T>(world: World, work: (dataSource: DataSource) => Promise<T>) => {
  const dataSource = createDataSource({ url: world.databaseUrl }, { statementTimeout: 0, poolSize: 2 });
  await dataSource.initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
};

/** Purges by the clock of this machine, and keeps for long what has no date of its own. */
const purgeOf = (world: World, options: Partial<Parameters<typeof purge>[1]> = {}) =>
  withDataSource(world, (dataSource) =>
    purge(dataSource, {
      now: Date.now() / 1000,
      clockSkew: 5000,
      auditRetention: 1e8,
      ...options,
    }),
  );

test('the migrations create exactly the tables that the entities describe', async () => {
  await withDataSource(await newWorld(), async (dataSource) => {
    await migrate(dataSource, () => Promise.resolve());
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });
});

test('no id comes from a sequence, which logical replication does not copy', async () => {
  await withDataSource(await newWorld(), async (dataSource) => {
    await migrate(dataSource, () => Promise.resolve());
    const counters = await dataSource.query<{ relname: string }[]>(
      `select relname from pg_class where relkind = 'S'`,
    );
    expect(counters).toEqual([]);
  });
});

test('five nodes that start at once on an empty database create one key and one administrator', async () => {
  const world = await newWorld();
  const nodes = await Promise.all(Array.from({ length: 5 }, () => world.node()));
  expect(await world.sql('select id from signing_keys')).toHaveLength(1);
  expect(await world.sql(`select id from users where role = 'ADMIN'`)).toHaveLength(1);
  const { accessToken } = await nodes[0]!.api.loginAsAdmin();
  for (const { api } of nodes) expect((await api.me(accessToken)).status).toBe(200);
});

test('without ADMIN_EMAIL no administrator is created on a real Postgres', async () => {
  const world = await newWorld();
  await world.node({ ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
  expect(await world.sql('select id from users')).toEqual([]);
});

test('an administrator with a weak password or a wrong email stops the start', async () => {
  const world = await newWorld();
  await expect(world.node({ ADMIN_PASSWORD: 'password' })).rejects.toThrow(/ADMIN_PASSWORD is refused/);
  await expect(world.node({ ADMIN_EMAIL: 'nobody' })).rejects.toThrow(/not a valid email/);
});

test('the longest lease of any process of the embedded mode is kept', async () => {
  await withDataSource(await newWorld(), async (dataSource) => {
    await migrate(dataSource, () => Promise.resolve());
    const start = (revocationLease: number) =>
      agreeOn(
        { usesRedis: false, isEmbedded: true, revocationLease, accessTokenTtl: 900 },
        dataSource.manager,
      );
    expect(await start(5000)).toMatchObject({ longestLease: 5000 });
    // What the process of before granted may not be over.
    expect(await start(1000)).toMatchObject({ longestLease: 5000 });
  });
});

test('nodes that disagree about Redis refuse to start', async () => {
  const world = await newWorld();
  await world.node();
  await expect(world.node({ REDIS_URL: undefined })).rejects.toThrow(/npx tokenfence admin redis off/);
});

test('a SECRET that does not fit the database stops the start', async () => {
  const world = await newWorld();
  await world.node();
  await expect(world.node({ SECRET: 'Zx81-another-secret-of-good-length-42' })).rejects.toThrow(
    /SECRET cannot decrypt the keys/,
  );
});

test('a database restored to before the migrations is not ready', async () => {
  const world = await newWorld();
  const node = await world.node();
  await world.sql('delete from tokenfence_migrations');
  const response = await fetch(`${node.url}/readyz`);
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ status: 'unready', reasons: ['migrations are pending'] });
});

test('a revocation is kept as long as any token may live, under earlier settings too', async () => {
  const world = await newWorld(null);
  const first = await world.node({ ACCESS_TOKEN_TTL: '2h' });
  await first.close();
  const second = await world.node({ ACCESS_TOKEN_TTL: '1m', CLOCK_SKEW: '5s' });
  const { accessToken } = await second.api.register('kept@example.com');
  await second.api.end('logout', accessToken);
  const rows = await world.sql<{ kept: number }>(
    'select extract(epoch from expires_at - revoked_at)::int as kept from revocations',
  );
  // The lifetime, the largest skew of the signer and of the checker (another node may allow more), and a minute.
  expect(rows.map(({ kept }) => kept)).toEqual([7860, 7860]);
});

test('the purge deletes expired rows in batches, and nothing else', async () => {
  const world = await newWorld(null);
  const node = await world.node();
  const tokens = await node.api.register('purge@example.com');
  await node.api.refresh(tokens.refreshToken);
  const [other, unused] = [
    await node.api.login('purge@example.com'),
    await node.api.login('purge@example.com'),
  ];
  await node.api.end('logout', other.accessToken);

  await world.sql(`insert into revocations (kind, user_id, session_id, revoked_at, expires_at, confirmed_at)
    select 'SESSION', gen_random_uuid(), gen_random_uuid(), now() - interval '1 day', now() - interval '1 second', now()
    from generate_series(1, 2500)`);
  // Not published yet: the log is also the outbox.
  await world.sql(`insert into revocations (kind, user_id, session_id, revoked_at, expires_at)
    values ('SESSION', gen_random_uuid(), gen_random_uuid(), now() - interval '1 day', now() - interval '1 second')`);
  await world.sql(
    `insert into audit_events (type, created_at) values ('LOGIN_FAILED', now() - interval '366 days')`,
  );
  await world.sql(`update sessions set ended_at = now() - interval '8 days' where id = $1`, [
    other.session.id,
  ]);
  await world.sql(`update sessions set purge_on = current_date where id = $1`, [unused.session.id]);

  const gone = await purgeOf(world, { auditRetention: 365 * 86_400 });
  expect(gone).toBe(2500 + 1 + 1 + 1);
  // Live rows are unchanged.
  expect((await node.api.me(tokens.accessToken)).status).toBe(200);
  expect((await node.api.me(other.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect(await world.sql('select id from revocations where confirmed_at is null')).toHaveLength(1);
});

test('a registration that nobody verified is deleted after 30 days, and no other account', async () => {
  const world = await newWorld(null);
  await withDataSource(world, (dataSource) => migrate(dataSource, () => Promise.resolve()));
  await world.sql(`insert into users (email, email_key, password_hash, role, pending, disabled_at, created_at)
    select name || n, name || n, hash, 'USER', pending, disabled_at, now() - age
    from (values
      ('forgotten', 'hash', true, null, interval '30 days 1 hour', 2500),
      ('fresh', 'hash', true, null, interval '29 days 23 hours', 1),
      ('invited', null, true, null, interval '1 year', 1),
      ('disabled', 'hash', true, now(), interval '1 year', 1),
      ('let in', 'hash', false, null, interval '1 year', 1)
    ) as kind (name, hash, pending, disabled_at, age, count), generate_series(1, count) as n`);
  expect(await purgeOf(world)).toBe(2500);
  const left = await world.sql<{ email: string }>('select email from users order by email');
  expect(left.map(({ email }) => email)).toEqual(['disabled1', 'fresh1', 'invited1', 'let in1']);
});

test('a revocation that has expired only by the clock of Postgres stays', async () => {
  const world = await newWorld(null);
  await withDataSource(world, (dataSource) => migrate(dataSource, () => Promise.resolve()));
  await world.sql(`insert into revocations (kind, user_id, session_id, revoked_at, expires_at, confirmed_at)
    values ('SESSION', gen_random_uuid(), gen_random_uuid(), now() - interval '1 day', now() - interval '1 hour', now())`);
  const now = Date.now() / 1000;
  expect(await purgeOf(world, { now: now - 2 * 3600 })).toBe(0);
  expect(await purgeOf(world, { now })).toBe(1);
});

test('a retired key is deleted when its last token has expired, not before', async () => {
  const world = await newWorld(null);
  const node = await world.node();
  const { accessToken } = await node.api.loginAsAdmin();
  await node.api.send('mutation { rotateSigningKey { id } }', {}, accessToken);
  await purgeOf(world);
  expect(await world.sql('select id from signing_keys')).toHaveLength(2);
  await world.sql(
    `update signing_keys set retired_at = now() - interval '17 minutes' where retired_at is not null`,
  );
  await purgeOf(world);
  expect(await world.sql('select id from signing_keys')).toHaveLength(1);
});

test('a starting node waits for a long migration of another node', async () => {
  const world = await newWorld();
  const order: string[] = [];
  const waiting = () =>
    world.sql(`select pid from pg_stat_activity where datname = current_database() and query = 'ROLLBACK'`);
  let started: Promise<unknown> | undefined;
  await withDataSource(world, (dataSource) =>
    migrate(dataSource, async () => {
      started = world.node().then(() => order.push('the second has started'));
      await eventually(async () => expect(await waiting()).toHaveLength(1));
      order.push('the first has migrated');
    }),
  );
  await started;
  expect(order).toEqual(['the first has migrated', 'the second has started']);
});
