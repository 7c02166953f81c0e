import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { adminHere, adminProcess } from '../support/admin-command';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { metricsOf } from '../support/probes';
import { withRedis } from '../support/redis';
import { freePort } from '../support/servers';
import { sharedWorld } from '../support/shared';
import { createWorld, type Env, TEST_ENV } from '../support/world';
import { worldMaker } from '../support/world-maker';

const newGuard = guardMaker();
const newWorld = worldMaker(createWorld);

const world = sharedWorld();

const settings = (env: Env): Env => ({ SECRET: TEST_ENV.SECRET, DATABASE_URL: world.databaseUrl, ...env });

const command = (args: string[], env: Env = {}) => adminProcess(args, settings(env));
const admin = (args: string[], env: Env = {}) => adminHere(args, settings(env));

test('an administrator is created with the given password, or with one that is shown once', async () => {
  const given = await command(['create', 'first@example.com'], { ADMIN_PASSWORD: 'the keys to the kingdom' });
  expect(given).toEqual({ code: 0, output: 'Created the administrator first@example.com.\n' });
  const shownIn = ({ output }: { output: string }) => /shown only once: (\S+)/.exec(output)?.[1] ?? '';
  const made = shownIn(await admin(['create', 'second@example.com']));
  // Compose passes an unset variable as an empty text.
  const madeToo = shownIn(await admin(['create', 'third@example.com'], { ADMIN_PASSWORD: '' }));

  const { api } = await world.node({ ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
  for (const [email, secret] of [
    ['first@example.com', 'the keys to the kingdom'],
    ['second@example.com', made],
    ['third@example.com', madeToo],
  ] as const) {
    const { accessToken } = await api.login(email, secret);
    expect((await api.me(accessToken)).data.me.role).toBe('ADMIN');
  }
});

test.each<[string[], Env, RegExp]>([
  [['create', 'first@example.com'], {}, /An account with the email first@example.com already exists/],
  [['create', 'nobody'], {}, /not a valid email address/],
  [['create', 'weak@example.com'], { ADMIN_PASSWORD: 'password' }, /is refused/],
])('%j fails with a sentence and without a stack', async (args, env, sentence) => {
  const { code, output } = await admin(args, env);
  expect(code).toBe(1);
  expect(output).toMatch(sentence);
  expect(output).not.toMatch(/ {4}at /);
});

test('the process of a failed command ends with 1 and a sentence', async () => {
  expect(await command(['create', 'nobody'])).toEqual({
    code: 1,
    output: 'ADMIN_EMAIL, or the email that you typed, is not a valid email address.\n',
  });
});

test('the use of Redis is switched for all nodes', async () => {
  const own = await newWorld();
  const forOwn = { DATABASE_URL: own.databaseUrl };
  const node = await own.node();
  await node.close();
  await expect(own.node({ REDIS_URL: undefined })).rejects.toThrow('npx tokenfence admin redis off');
  expect((await command(['redis', 'off'], forOwn)).code).toBe(0);
  await own.node({ REDIS_URL: undefined });
  await expect(own.node()).rejects.toThrow('npx tokenfence admin redis on');
});

test('a revocation made while Redis was off stays when Redis is on again', async () => {
  const own = await newWorld();
  const forOwn = { DATABASE_URL: own.databaseUrl };
  // Without a view each check reads a record.
  const env = { REVOCATION_VIEW_LIMIT: '0' };
  const before = await own.node(env);
  const tokens = await before.api.register('switched@example.com');
  const stays = await before.api.register('stays@example.com');
  await eventually(async () => {
    expect((await before.api.me(tokens.accessToken)).status).toBe(200);
    const pattern = `*:record:*:${tokens.user.id}`;
    expect(await withRedis(own.redisUrl!, (redis) => redis.keys(pattern))).toHaveLength(1);
  });
  await before.close();
  expect((await admin(['redis', 'off'], forOwn)).code).toBe(0);
  const without = await own.node({ ...env, REDIS_URL: undefined });
  // The database has a new id now, which ends every earlier access token. The sessions live on.
  expect((await without.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
  const again = await without.api.refreshed(tokens);
  expect((await without.api.end('logoutEverywhere', again.accessToken)).confirmed).toBe(true);
  await without.close();
  expect((await admin(['redis', 'on'], forOwn)).code).toBe(0);
  const after = await own.node(env);
  for (let i = 0; i < 5; i++) expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
  const goesOn = await after.api.refreshed(stays);
  await eventually(async () => {
    expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    // The records are in use again.
    expect((await after.api.me(goesOn.accessToken)).status).toBe(200);
    expect((await metricsOf(after)).text).toContain('tokenfence_checks_total{step="redis"');
  });
});

test('the lease is changed for all nodes', async () => {
  const own = await newWorld();
  const node = await own.node();
  await node.close();
  await expect(own.node({ REVOCATION_LEASE: '2s' })).rejects.toThrow('npx tokenfence admin lease 2000ms');
  expect((await command(['lease', '2000ms'], { DATABASE_URL: own.databaseUrl })).code).toBe(0);
  await own.node({ REVOCATION_LEASE: '2s' });
});

test('after a restored backup, later revocations in Redis are discarded', async () => {
  const own = await newWorld();
  const before = await own.node();
  const tokens = await before.api.register('restored@example.com');
  await before.api.end('logoutEverywhere', tokens.accessToken);
  const again = await before.api.login('restored@example.com');
  for (let i = 0; i < 2; i++) expect((await before.api.me(again.accessToken)).status).toBe(200);
  await before.close();
  // The state of a backup from before the logout. Redis is left as it was.
  await own.sql('update users set token_version = 1');
  await own.sql('delete from revocations');
  expect((await command(['restored'], { DATABASE_URL: own.databaseUrl })).code).toBe(0);

  const after = await own.node();
  const fresh = await after.api.login('restored@example.com');
  for (let i = 0; i < 2; i++) expect((await after.api.me(fresh.accessToken)).status).toBe(200);
});

test.each([[['restored']], [['lease', '2s']]])(
  'a node that runs during %j accepts no token afterwards',
  async (command) => {
    const own = await newWorld();
    const forgotten = await own.node();
    const { accessToken } = await forgotten.api.loginAsAdmin();
    expect((await forgotten.api.me(accessToken)).status).toBe(200);
    const settings = { DATABASE_URL: own.databaseUrl, REDIS_URL: own.redisUrl };
    expect((await admin(command, settings)).code).toBe(0);
    expect((await forgotten.api.me(accessToken)).status).not.toBe(200);
  },
);

/** A world, and a service that follows the Redis of its nodes and is not restarted. */
async function worldWithService() {
  const own = await newWorld();
  const env = { ISSUER, PORT: String(await freePort()) };
  const node = await own.node(env);
  const service = await newGuard({ ...trusting(node), redis: own.redisUrl });
  await untilGuardIsCurrent(service);
  return { own, service, settings: { DATABASE_URL: own.databaseUrl, REDIS_URL: own.redisUrl }, env };
}

test('after Redis is switched off, a running service no longer relies on it', async () => {
  const { own, service, settings, env } = await worldWithService();
  await own.stop();
  expect(await admin(['redis', 'off'], settings)).toMatchObject({ code: 0 });
  expect(service.status().view).toBe('not current');
  const without = await own.node({ ...env, REDIS_URL: undefined });
  const tokens = await without.api.register('off@example.com');
  expect((await without.api.end('logoutEverywhere', tokens.accessToken)).confirmed).toBe(true);
  expect((await ask(service, tokens)).ok).toBe(false);
});

test('after a restored backup, a running service follows the new epoch', async () => {
  const { own, service, settings, env } = await worldWithService();
  await own.stop();
  await own.sql('update fleet set global_version = 3');
  const before = await own.node(env);
  const root = await before.api.loginAsAdmin();
  expect((await before.api.end('forceLogoutAll(reason: "x")', root.accessToken)).confirmed).toBe(true);
  expect((await ask(service, root)).ok).toBe(false);
  await own.stop();
  // The state of a backup from before the logout.
  await own.sql('update fleet set global_version = 1');
  await own.sql('delete from revocations');
  expect(await admin(['restored'], settings)).toMatchObject({ code: 0 });
  expect(service.status().view).toBe('not current');
  const after = await own.node(env);
  const tokens = await after.api.register('fresh@example.com');
  await eventually(async () => expect((await ask(service, tokens)).ok).toBe(true));
  expect((await after.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
  expect((await ask(service, tokens)).ok).toBe(false);
});

test('an unreachable Redis prevents any change; without its URL the operator restarts the nodes', async () => {
  const own = await newWorld();
  await own.node();
  await own.stop();
  const settings = { DATABASE_URL: own.databaseUrl };
  const [row] = await own.sql('select * from fleet');
  for (const command of [['redis', 'off'], ['lease', '2s'], ['restored']]) {
    const refused = await admin(command, { ...settings, REDIS_URL: 'redis://127.0.0.1:1' });
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('Nothing was changed') });
  }
  expect(await own.sql('select * from fleet')).toEqual([row]);
  const done = await admin(['restored'], settings);
  expect(done).toMatchObject({ code: 0, output: expect.stringContaining('Restart each of them') });
});

test.each([[['redis', 'on']], [['lease', '2s']], [['restored']]])(
  'the embedded mode refuses %j with a sentence',
  async (args) => {
    const folder = await mkdtemp(join(tmpdir(), 'tokenfence-admin-'));
    const { code, output } = await admin(args, { DATABASE_URL: undefined, DATA_DIR: folder });
    expect(code).toBe(1);
    expect(output).toContain(
      `"${String(args[0])}" does nothing in the embedded mode, which is one process without Redis. Set DATABASE_URL`,
    );
    await rm(folder, { recursive: true, force: true });
  },
);
