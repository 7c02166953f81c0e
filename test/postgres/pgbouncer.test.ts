import { randomBytes } from 'node:crypto';
import { adminHere } from '../support/admin-command';
import { eventually } from '../support/eventually';
import { startPgBouncer } from '../support/pgbouncer';
import { readinessOf } from '../support/probes';
import type { TestServer } from '../support/server-process';
import { createWorld, startNode, TEST_ENV, type World } from '../support/world';

let world: World;
const role = `node_${randomBytes(6).toString('hex')}`;
let pgbouncer: TestServer | undefined;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(async () => {
  await world.stop();
  await pgbouncer?.dispose();
  await world.sql(`drop owned by ${role}`);
  await world.sql(`drop role ${role}`);
  await world.close();
});

test('behind PgBouncer two nodes share two connections, with a role that owns nothing', async () => {
  await world.sql(`create role ${role} login`);
  const own = { DATABASE_URL: world.databaseUrl, DATABASE_SCHEMA: 'auth' };
  expect(await adminHere(['migrate', '--grant', role], own)).toMatchObject({ code: 0 });

  const direct = new URL(world.databaseUrl);
  direct.username = role;
  const pooler = await startPgBouncer(direct.href);
  pgbouncer = pooler;
  const env = { DATABASE_SCHEMA: 'auth', DATABASE_URL: pooler.url, DATABASE_POOL_SIZE: '5' };

  // What the start says is what it needs.
  const refused = await startNode({ ...env, REDIS_URL: world.redisUrl }).then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
  const remedies = refused.match(/alter role \S+ set \S+ = '[^']*'/g) ?? [];
  expect(remedies).toContain(`alter role ${role} set row_security = 'off'`);
  for (const remedy of remedies) await world.sql(remedy);
  // The connections of the pooler have the settings of before.
  await pooler.kill();
  await pooler.start();

  const [one, two] = [await world.node(env), await world.node(env)];
  const crowd = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).api.newUser()));
  const next = await Promise.all(crowd.map((tokens, i) => (i % 3 ? one : two).api.refreshed(tokens)));
  const ended = await Promise.all(
    next.map(({ accessToken }, i) => (i % 2 ? two : one).api.end('logoutEverywhere', accessToken)),
  );
  expect(ended).toEqual(ended.map(() => expect.objectContaining({ endedSessions: 1, confirmed: true })));
  for (const { accessToken, refreshToken } of next) {
    for (const { api } of [one, two]) expect((await api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
    expect((await one.api.refresh(refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  }

  // Commands come through the pooler too.
  const user = await one.api.newUser();
  const command = { ...env, SECRET: TEST_ENV.SECRET, REDIS_URL: world.redisUrl };
  expect(await adminHere(['logout', user.user.email], command)).toMatchObject({ code: 0 });
  expect((await two.api.me(user.accessToken)).reason).toBe('TOKEN_REVOKED');

  await pooler.kill();
  await eventually(async () => expect(await readinessOf(one)).toMatchObject({ degraded: ['postgres'] }));
  await pooler.start();
  await eventually(() => one.api.login(user.user.email));
});
