import { Redis } from 'ioredis';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { administer, creating, leasing, RESTORED, switching, type Task } from '../../src/commands/admin';
import { createProgram } from '../../src/commands/program';
import { createGuard, type ServiceGuard } from '../../src/create-guard';
import type { Tokens } from '../support/api';
import { freePort } from '../support/servers';
import { ADMIN, createWorld, type Env, TEST_ENV, type World } from '../support/world';

const ISSUER = 'https://auth.example.com';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

interface Ended {
  readonly code: number;
  readonly output: string;
}
const settings = (env: Env): Env => ({ SECRET: TEST_ENV.SECRET, DATABASE_URL: world.databaseUrl, ...env });

/** In a process of its own, as it is run. */
const command = (args: string[], env: Env = {}) =>
  new Promise<Ended>((resolve) => {
    execFile(
      process.execPath,
      [join(__dirname, '../../dist/src/main.js'), 'admin', ...args],
      { env: settings(env) },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });

/** The same in this process: what the words ask for is carried out, and what its process would end with is answered. */
async function admin(args: string[], env: Env = {}): Promise<Ended> {
  let ended: Ended | undefined;
  const carryOut = async (task: Task) => {
    const { code, text } = await administer(task, settings(env));
    ended = { code, output: text };
  };
  const elsewhere = () => Promise.reject(new Error('This is no command of an administrator.'));
  await createProgram('0.0.0', {
    start: elsewhere,
    doctor: elsewhere,
    createAdministrator: (email) => carryOut(creating(email)),
    switchRedis: (state) => carryOut(switching(state)),
    changeLease: (lease) => carryOut(leasing(lease)),
    restored: () => carryOut(RESTORED),
  }).parseAsync(['admin', ...args], { from: 'user' });
  return ended!;
}

test('an administrator is made with a password that is given, or shown once', async () => {
  const given = await command(['create', 'first@example.com'], { ADMIN_PASSWORD: 'the keys to the kingdom' });
  expect(given).toEqual({ code: 0, output: 'Created the administrator first@example.com.\n' });
  const shownIn = ({ output }: { output: string }) => /shown only once: (\S+)/.exec(output)?.[1] ?? '';
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
  [['create', 'first@example.com'], {}, /An account with the email first@example.com already exists/],
  [['create', 'nobody'], {}, /not a valid email address/],
  [['create', 'weak@example.com'], { ADMIN_PASSWORD: 'password' }, /is refused/],
])('%j ends with a sentence and without a stack', async (args, env, sentence) => {
  const { code, output } = await admin(args, env);
  expect(code).toBe(1);
  expect(output).toMatch(sentence);
  expect(output).not.toMatch(/ {4}at /);
});

test('the process of a command that fails ends with 1 and the sentence', async () => {
  expect(await command(['create', 'nobody'])).toEqual({
    code: 1,
    output: 'ADMIN_EMAIL, or the email that you typed, is not a valid email address.\n',
  });
});

test('the use of Redis is switched for all nodes at once', async () => {
  const own = await createWorld();
  const forOwn = { DATABASE_URL: own.databaseUrl };
  try {
    const node = await own.node();
    await node.close();
    await expect(own.node({ REDIS_URL: undefined })).rejects.toThrow('npx tokenfence admin redis off');
    expect((await command(['redis', 'off'], forOwn)).code).toBe(0);
    await own.node({ REDIS_URL: undefined });
    await expect(own.node()).rejects.toThrow('npx tokenfence admin redis on');
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
    // The database has another id now, which ends every access token of before; the sessions go on.
    expect((await without.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    const again = (await without.api.refresh(tokens.refreshToken)).data.refresh as Tokens;
    expect((await without.api.end('logoutEverywhere', again.accessToken)).confirmed).toBe(true);
    await without.close();
    expect((await admin(['redis', 'on'], forOwn)).code).toBe(0);
    const after = await own.node(env);
    for (let i = 0; i < 5; i++) expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    const goesOn = (await after.api.refresh(stays.refreshToken)).data.refresh as Tokens;
    await eventually(async () => {
      expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
      // And the records are in use again.
      expect((await after.api.me(goesOn.accessToken)).status).toBe(200);
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
    await expect(own.node({ REVOCATION_LEASE: '2s' })).rejects.toThrow('npx tokenfence admin lease 2000ms');
    expect((await command(['lease', '2000ms'], { DATABASE_URL: own.databaseUrl })).code).toBe(0);
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
    expect((await command(['restored'], { DATABASE_URL: own.databaseUrl })).code).toBe(0);

    const after = await own.node();
    const fresh = await after.api.login('restored@example.com');
    for (let i = 0; i < 2; i++) expect((await after.api.me(fresh.accessToken)).status).toBe(200);
  } finally {
    await own.close();
  }
});

test.each([[['restored']], [['lease', '2s']]])(
  'a node that runs through %j relies on nothing from then on, and accepts nobody whom another logs out',
  async (command) => {
    const own = await createWorld();
    try {
      const forgotten = await own.node();
      const { accessToken } = await forgotten.api.login(ADMIN.email, ADMIN.password);
      expect((await forgotten.api.me(accessToken)).status).toBe(200);
      const settings = { DATABASE_URL: own.databaseUrl, REDIS_URL: own.redisUrl };
      expect((await admin(command, settings)).code).toBe(0);
      expect((await forgotten.api.me(accessToken)).status).not.toBe(200);
    } finally {
      await own.close();
    }
  },
);

/** A service that was never restarted, and follows the nodes' Redis. */
async function withService(
  work: (own: World, service: ServiceGuard, settings: Env, env: Env) => Promise<void>,
): Promise<void> {
  const own = await createWorld();
  try {
    const env = { ISSUER, PORT: String(await freePort()) };
    const node = await own.node(env);
    const service = await createGuard({
      issuer: ISSUER,
      audience: 'api',
      jwks: `${node.url}/.well-known/jwks.json`,
      redis: own.redisUrl,
    });
    try {
      await eventually(() => expect(service.status().view).toBe('current'));
      await work(own, service, { DATABASE_URL: own.databaseUrl, REDIS_URL: own.redisUrl }, env);
    } finally {
      await service.close();
    }
  } finally {
    await own.close();
  }
}
const passes = async (service: ServiceGuard, { accessToken }: Tokens) =>
  (await service.authenticate(`Bearer ${accessToken}`)).ok;

test('once Redis was switched off, no service relies on what it holds, though it was not restarted', () =>
  withService(async (own, service, settings, env) => {
    await own.stop();
    expect(await admin(['redis', 'off'], settings)).toMatchObject({ code: 0 });
    expect(service.status().view).toBe('not current');
    const without = await own.node({ ...env, REDIS_URL: undefined });
    const tokens = await without.api.register('off@example.com');
    expect((await without.api.end('logoutEverywhere', tokens.accessToken)).confirmed).toBe(true);
    expect(await passes(service, tokens)).toBe(false);
  }));

test('after a restored backup, a service that was not restarted finds the new beginning', () =>
  withService(async (own, service, settings, env) => {
    await own.stop();
    await own.sql('update fleet set global_version = 3');
    const before = await own.node(env);
    const root = await before.api.login(ADMIN.email, ADMIN.password);
    expect((await before.api.end('forceLogoutAll(reason: "x")', root.accessToken)).confirmed).toBe(true);
    expect(await passes(service, root)).toBe(false);
    await own.stop();
    // As a backup from before all that would have it.
    await own.sql('update fleet set global_version = 1');
    await own.sql('delete from revocations');
    expect(await admin(['restored'], settings)).toMatchObject({ code: 0 });
    expect(service.status().view).toBe('not current');
    const after = await own.node(env);
    const tokens = await after.api.register('fresh@example.com');
    await eventually(async () => expect(await passes(service, tokens)).toBe(true));
    expect((await after.api.end('logout', tokens.accessToken)).confirmed).toBe(true);
    expect(await passes(service, tokens)).toBe(false);
  }));

test('a Redis that cannot be reached lets nothing be changed; without its URL the rest is left to the operator', async () => {
  const own = await createWorld();
  try {
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
    expect(output).toContain(
      `"${String(args[0])}" does nothing in the embedded mode, which is one process without Redis. Set DATABASE_URL`,
    );
    await rm(folder, { recursive: true, force: true });
  },
);
