import { createHash, randomBytes } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Truth } from '../../src/core/ports/truth';
import { createDataSource } from '../../src/postgres/data-source';
import { migrate } from '../../src/postgres/start';
import { createTruth } from '../../src/postgres/truth';
import { eventually } from '../support/eventually';
import type { World } from '../support/world';
import { worldMakerOnOwnPostgres } from '../support/world-maker';

// A transaction anywhere on a server can keep the pages of all its databases from being cleared.
const newWorld = worldMakerOnOwnPostgres();

interface Opened {
  readonly world: World;
  readonly truth: Truth;
  readonly close: () => Promise<void>;
}

let opened: Opened | undefined;
afterEach(() => opened?.close());

async function open(poolSize = 1): Promise<Opened> {
  const world = await newWorld(null);
  const options = { statementTimeout: 5000, poolSize };
  const dataSource: DataSource = await createDataSource({ url: world.databaseUrl }, options).initialize();
  await migrate(dataSource, () => Promise.resolve());
  let isOpen = true;
  opened = {
    world,
    truth: createTruth(dataSource, { hasCopies: false, clockSkew: 0 }),
    async close() {
      if (isOpen) await dataSource.destroy();
      isOpen = false;
    },
  };
  return opened;
}

/** Makes users, each with sessions that began at this time (ms), and returns the sessions. */
const makeSessions = (world: World, users: number, each: number, startsAt = Date.now()) =>
  world.sql<{ id: string; salt: Buffer }>(
    `with people as (
       insert into users (email, email_key, password_hash, role)
       select name, name, 'none', 'USER'
       from (select gen_random_uuid() || '@example.com' as name from generate_series(1, $1)) as names
       returning id
     )
     insert into sessions (id, user_id, token_version, global_version, rotated_at, salt, uses_cookie, user_agent,
       ip_address, created_at, authenticated_at, last_used_at, idle_expires_at, expires_at, purge_on)
     select gen_random_uuid(), people.id, 1, 1, now(), sha256(uuid_send(gen_random_uuid())), false,
       repeat('agent ', 20), '192.0.2.1', start, start, start, start + interval '14 days', start + interval '90 days',
       (start + interval '22 days')::date
     from people, generate_series(1, $2), to_timestamp($3) as start
     returning id, salt`,
    [users, each, startsAt / 1000],
  );

const pagesOf = async (world: World) =>
  (
    await world.sql<{ pages: number }>(
      `select (pg_relation_size('sessions') / current_setting('block_size')::integer)::integer as pages`,
    )
  )[0]!.pages;

/** Of all updates of sessions, how many were HOT. Connections report them when they close. */
const updatesIn = async (world: World) =>
  (
    await world.sql<{ all: number; hot: number }>(
      `select n_tup_upd::integer as all, n_tup_hot_upd::integer as hot from pg_stat_user_tables
       where relname = 'sessions'`,
    )
  )[0]!;

describe('the count of live sessions', () => {
  const LIVE = `select count(*)::integer as live from sessions s join users u on u.id = s.user_id
    where s.ended_at is null and s.token_version = u.token_version`;
  const exactly = async (world: World) => (await world.sql<{ live: number }>(LIVE))[0]!.live;

  test('is exact where there are few', async () => {
    const { world, truth, close } = await open();
    expect(await truth.sessions.countLive()).toBe(0);
    await makeSessions(world, 100, 3);
    await world.sql(`
      update sessions set ended_at = now() where id in (select id from sessions limit 10);
      update users set token_version = 2 where id in (select user_id from sessions where ended_at is null limit 1)`);
    const live = await exactly(world);
    expect(live).toBeLessThan(290);
    expect(await truth.sessions.countLive()).toBe(live);
    await truth.ends.everyone({ type: 'FORCED_LOGOUT_OF_EVERYONE' });
    expect(await truth.sessions.countLive()).toBe(0);
    await close();
  });

  test('is an estimate of about a hundred pages where there are many', async () => {
    const COUNTS = 5;
    const own = await open();
    const { world, truth } = own;
    await makeSessions(world, 15_000, 3);
    await world.sql(`update sessions set ended_at = now() where get_byte(salt, 0) < 100`);
    const live = await exactly(world);
    const pagesRead = async () => {
      const [row] = await world.sql<{ pages: number }>(
        `select (heap_blks_read + heap_blks_hit)::integer as pages from pg_statio_user_tables
         where relname = 'sessions'`,
      );
      return row!.pages;
    };
    const before = await pagesRead();
    for (let i = 0; i < COUNTS; i++) {
      const estimate = await truth.sessions.countLive();
      // It is off by a tenth as a rule.
      expect(estimate).toBeGreaterThan(live * 0.4);
      expect(estimate).toBeLessThan(live * 1.6);
    }
    await own.close();
    await eventually(async () => expect(await pagesRead()).toBeGreaterThan(before));
    expect((await pagesRead()) - before).toBeLessThan(COUNTS * 200);
    expect(await pagesOf(world)).toBeGreaterThan(1000);
  });
});

const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

// No vacuum runs: the updates have to clear their pages by themselves. If a column of an index changed, none would be
// HOT. A session's purge_on does change, once a day.
test.each([
  ['one after the other, one each 15 minutes of a day', { writers: 1, sessions: 105, each: 96, minutes: 15 }],
  ['four at once in random order', { writers: 4, sessions: 1000, each: 10, minutes: 1 }],
])('10,000 refreshes, %s, are HOT updates, and the table does not grow', async (_name, plan) => {
  const own = await open(plan.writers);
  const { world, truth } = own;
  // The fleet is read with each session, and needs a key. Each time is by the zone of Postgres.
  await world.sql(
    `update fleet set signing_key_id = 'none'; alter table sessions set (autovacuum_enabled = off)`,
  );
  const [row] = await world.sql<{ noon: Date }>(
    `select date_trunc('day', now()) + interval '36 hours' as noon`,
  );
  const noon = row!.noon.getTime();
  const sessions = await makeSessions(world, plan.sessions, 1, noon);
  const before = await pagesOf(world);
  const half = randomBytes(32);

  for (let generation = 1; generation <= plan.each; generation++) {
    const use = {
      usedAt: new Date(noon + generation * plan.minutes * 60_000),
      idleTtl: 14 * 24 * 3600,
      userAgent: 'agent '.repeat(18 + (generation % 5)),
      ipAddress: `192.0.2.${generation}`,
    };
    const left = sessions.sort(() => Math.random() - 0.5).values();
    const refresh = async () => {
      for (const { id, salt } of left) {
        const digest = sha256(sha256(salt, half));
        const state = await truth.sessions.rotate({ sessionId: id, generation, half, digest }, use);
        expect(state?.generation).toBe(generation + 1);
      }
    };
    await Promise.all(Array.from({ length: plan.writers }, refresh));
  }

  await own.close();
  const midnights = plan.minutes * plan.each >= 24 * 60 ? 1 : 0;
  const all = plan.sessions * plan.each;
  await eventually(async () => expect((await updatesIn(world)).all).toBe(all));
  const { hot } = await updatesIn(world);
  expect(hot / all).toBeGreaterThan(0.95);
  expect(all - hot).toBeGreaterThanOrEqual(plan.sessions * midnights);
  // Other transactions at the moment of an update may keep a page from being cleared.
  expect(await pagesOf(world)).toBeLessThanOrEqual(Math.ceil(before * 1.2));
});
