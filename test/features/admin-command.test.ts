import { Redis } from 'ioredis';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { createWorld, type Env, TEST_ENV, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const admin = (args: string[], env: Env = {}) =>
  new Promise<{ code: number; output: string }>((resolve) => {
    execFile(
      process.execPath,
      [join(__dirname, '../../dist/src/admin.js'), ...args],
      { env: { SECRET: TEST_ENV.SECRET, DATABASE_URL: world.databaseUrl, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });

test('an administrator is made with a password that is given, or shown once', async () => {
  const given = await admin(['create', 'first@example.com'], { ADMIN_PASSWORD: 'the keys to the kingdom' });
  expect(given).toEqual({ code: 0, output: 'The administrator first@example.com was made.\n' });
  const shownIn = ({ output }: { output: string }) => /shown this once: (\S+)/.exec(output)?.[1] ?? '';
  const made = shownIn(await admin(['create', 'second@example.com']));
  // As Compose hands over a variable that is not set.
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
  [['create', 'first@example.com'], {}, /There is an account with the email first@example.com already/],
  [['create', 'nobody'], {}, /not an email address/],
  [['create', 'weak@example.com'], { ADMIN_PASSWORD: 'password' }, /will not do/],
])('%j ends with a sentence and without a stack', async (args, env, sentence) => {
  const { code, output } = await admin(args, env);
  expect(code).toBe(1);
  expect(output).toMatch(sentence);
  expect(output).not.toMatch(/ {4}at /);
});

test.each([
  [[]],
  [['create']],
  [['redis', 'maybe']],
  [['lease', 'soon']],
  [['lease', '1h']],
  [['nonsense', 'x']],
])('%j is answered by how to use it', async (args) => {
  const { code, output } = await admin(args);
  expect(code).toBe(2);
  expect(output).toContain('Usage:');
});

test('the use of Redis is switched for all nodes at once', async () => {
  const own = await createWorld();
  const forOwn = { DATABASE_URL: own.databaseUrl };
  try {
    const node = await own.node();
    await node.close();
    await expect(own.node({ REDIS_URL: undefined })).rejects.toThrow('npm run admin -- redis off');
    expect((await admin(['redis', 'off'], forOwn)).code).toBe(0);
    await own.node({ REDIS_URL: undefined });
    await expect(own.node()).rejects.toThrow('npm run admin -- redis on');
  } finally {
    await own.close();
  }
});

test('what was revoked while Redis was switched off stays revoked when it is on again', async () => {
  const own = await createWorld();
  const forOwn = { DATABASE_URL: own.databaseUrl };
  // Without a view, so that each check reads a record.
  const env = { REVOCATION_VIEW_LIMIT: '0' };
  try {
    const before = await own.node(env);
    const tokens = await before.api.register('switched@example.com');
    const stays = await before.api.register('stays@example.com');
    const redis = new Redis(own.redisUrl ?? '');
    await eventually(async () => {
      expect((await before.api.me(tokens.accessToken)).status).toBe(200);
      expect(await redis.keys(`*:record:*:${tokens.user.id}`)).toHaveLength(1);
    });
    redis.disconnect();
    await before.close();
    expect((await admin(['redis', 'off'], forOwn)).code).toBe(0);
    const without = await own.node({ ...env, REDIS_URL: undefined });
    expect((await without.api.end('logoutEverywhere', tokens.accessToken)).confirmed).toBe(true);
    await without.close();
    expect((await admin(['redis', 'on'], forOwn)).code).toBe(0);
    const after = await own.node(env);
    for (let i = 0; i < 5; i++) expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    await eventually(async () => {
      expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
      // And the records are in use again.
      expect((await after.api.me(stays.accessToken)).status).toBe(200);
      const metrics = await (await fetch(`${after.url}/metrics`)).text();
      expect(metrics).toContain('tokenfence_checks_total{step="redis"');
    });
  } finally {
    await own.close();
  }
});

test('the lease is changed for all nodes at once', async () => {
  const own = await createWorld();
  try {
    const node = await own.node();
    await node.close();
    await expect(own.node({ REVOCATION_LEASE: '2s' })).rejects.toThrow('npm run admin -- lease 2000ms');
    expect((await admin(['lease', '2000ms'], { DATABASE_URL: own.databaseUrl })).code).toBe(0);
    await own.node({ REVOCATION_LEASE: '2s' });
  } finally {
    await own.close();
  }
});

test('after a restored backup, what Redis holds of the time after it counts no more', async () => {
  const own = await createWorld();
  try {
    const before = await own.node();
    const tokens = await before.api.register('restored@example.com');
    await before.api.end('logoutEverywhere', tokens.accessToken);
    const again = await before.api.login('restored@example.com');
    for (let i = 0; i < 2; i++) expect((await before.api.me(again.accessToken)).status).toBe(200);
    await before.close();
    // As a backup from before the logout would have it, with Redis as it was left.
    await own.sql('update users set token_version = 1');
    await own.sql('delete from revocations');
    expect((await admin(['restored'], { DATABASE_URL: own.databaseUrl })).code).toBe(0);

    const after = await own.node();
    const fresh = await after.api.login('restored@example.com');
    for (let i = 0; i < 2; i++) expect((await after.api.me(fresh.accessToken)).status).toBe(200);
  } finally {
    await own.close();
  }
});

test.each([[['redis', 'on']], [['lease', '2s']], [['restored']]])(
  'the embedded mode has no use for %j, and says so',
  async (args) => {
    const folder = await mkdtemp(join(tmpdir(), 'tokenfence-admin-'));
    const { code, output } = await admin(args, { DATABASE_URL: undefined, DATA_DIR: folder });
    expect(code).toBe(1);
    expect(output).toContain(`so "${args.join(' ')}" has nothing to do there. Set DATABASE_URL`);
    await rm(folder, { recursive: true, force: true });
  },
);
