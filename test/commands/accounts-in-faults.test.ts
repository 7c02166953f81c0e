import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminHere, adminProcess } from '../support/admin-command';
import type { Tokens } from '../support/api';
import { newEmbeddedFolder } from '../support/embedded-folder';
import { eventually } from '../support/eventually';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { startNodeProcess } from '../support/node-process';
import { untilViewIsCurrent } from '../support/probes';
import { withRedis } from '../support/redis';
import { freePort, startPostgres, startRedis, type TestServer } from '../support/servers';
import { createWorld, type Env, TEST_ENV, type World } from '../support/world';
import { worldMaker } from '../support/world-maker';

const newGuard = guardMaker();
const newWorld = worldMaker(createWorld);

const settings = ({ databaseUrl }: Pick<World, 'databaseUrl'>, env: Env = {}): Env => ({
  SECRET: TEST_ENV.SECRET,
  DATABASE_URL: databaseUrl,
  ...env,
});

const unconfirmed = (world: World) => world.sql('select id from revocations where confirmed_at is null');

/** No SQL, no stack, no secret of the settings. */
const PLAIN = /^(?!.*( {4}at |select |update |insert |delete from|QueryFailed|only for tests))/s;

describe('with a Redis of its own', () => {
  let redis: TestServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.dispose());
  afterEach(() => redis.resume());

  test('a running node relays what the command has committed', async () => {
    const world = await newWorld({ redis: redis.url });
    const node = await world.node();
    await untilViewIsCurrent(node);
    const tokens = await node.api.newUser();
    const ended = await adminHere(['logout', tokens.user.email], settings(world));
    expect((await node.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    expect(ended).toMatchObject({ code: 0 });
    // The command knows no Redis here.
    expect(await unconfirmed(world)).toEqual([]);
  });

  test.each([
    ['from the nodes', false],
    ['from the command too', true],
  ])(
    'with Redis away %s, the command says that it is not confirmed, and it is later',
    async (_, knowsRedis) => {
      const world = await newWorld({ redis: redis.url });
      const node = await world.node();
      await untilViewIsCurrent(node);
      const [tokens, other] = [await node.api.newUser(), await node.api.newUser()];
      redis.pause();
      const env = settings(world, knowsRedis ? { REDIS_URL: redis.url } : {});
      expect(await adminHere(['disable', other.user.email], env)).toEqual({
        code: 3,
        output: expect.stringMatching(
          knowsRedis ? /\nNot confirmed: Redis cannot be reached/ : /\nNot confirmed: No node/,
        ),
      });
      const ended = await adminProcess(['logout', tokens.user.email], env);
      expect(ended).toMatchObject({ code: 3, output: expect.stringMatching(PLAIN) });
      expect(await unconfirmed(world)).not.toEqual([]);
      redis.resume();
      await eventually(async () => expect(await unconfirmed(world)).toEqual([]));
      expect((await node.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
      // It had been done, and now it is confirmed.
      expect(await adminHere(['disable', other.user.email], env)).toMatchObject({ code: 0 });
    },
  );

  /** A stopped node, and a service that goes on to accept the token of a user by the Redis of the node. */
  async function serviceWithoutNode() {
    const world = await newWorld({ redis: redis.url });
    const node = await world.node({ ISSUER, PORT: String(await freePort()) });
    const service = await newGuard({ ...trusting(node), redis: redis.url });
    await untilGuardIsCurrent(service);
    const tokens = await node.api.newUser();
    expect((await ask(service, tokens)).ok).toBe(true);
    await world.stop();
    return { world, service, tokens };
  }

  test('without a node, the command with REDIS_URL publishes, and a running service refuses the token at once', async () => {
    const { world, service, tokens } = await serviceWithoutNode();
    const ended = await adminHere(['logout', tokens.user.id], settings(world, { REDIS_URL: redis.url }));
    expect((await ask(service, tokens)).ok).toBe(false);
    expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('Confirmed') });
    expect(service.status().view).toBe('current');
  });

  test.each([
    ['without REDIS_URL', false],
    ['with the URL of another Redis', true],
  ])('without a node and %s, nothing is confirmed', async (_, knowsRedis) => {
    const { world, service, tokens } = await serviceWithoutNode();
    const other = await startRedis();
    try {
      const env = settings(world, knowsRedis ? { REDIS_URL: other.url } : {});
      const ended = await adminHere(['logout', tokens.user.id], env);
      expect(ended).toMatchObject({ code: 3, output: expect.stringContaining('Not confirmed: No node') });
      expect(await withRedis(other.url, (client) => client.keys('*'))).toEqual([]);
      expect((await ask(service, tokens)).ok).toBe(true);
      // The node that starts publishes it.
      await world.node();
      await eventually(async () => expect((await ask(service, tokens)).ok).toBe(false));
    } finally {
      await other.dispose();
    }
  });

  test('what the command published itself is left to the nodes too, whose Redis may be another', async () => {
    const { world, tokens } = await serviceWithoutNode();
    const ended = await adminHere(['logout', tokens.user.id], settings(world, { REDIS_URL: redis.url }));
    expect(ended).toMatchObject({ code: 0 });
    expect(await unconfirmed(world)).toHaveLength(1);
    await world.node();
    await eventually(async () => expect(await unconfirmed(world)).toEqual([]));
  });
});

test('without Redis the commit confirms, whatever REDIS_URL the command has', async () => {
  const world = await newWorld({ redis: null });
  const { api } = await world.node();
  for (const env of [{}, { REDIS_URL: 'redis://127.0.0.1:1' }]) {
    const tokens = await api.newUser();
    const ended = await adminHere(['logout', tokens.user.email], settings(world, env));
    expect((await api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('Confirmed') });
  }
});

describe('what goes wrong is told in a sentence', () => {
  let own: TestServer;
  let world: World;
  let tokens: Tokens;
  beforeAll(async () => {
    own = await startPostgres();
    world = await createWorld({ postgres: own.url, redis: null });
    const node = await world.node();
    tokens = await node.api.newUser();
    await node.close();
  });
  afterAll(async () => {
    await world.close();
    await own.dispose();
  });
  const failing = async (args: string[], env: Env = settings(world), run = adminProcess) => {
    const ended = await run(args, env);
    expect(ended).toEqual({ code: 1, output: expect.stringMatching(PLAIN) });
    return ended.output;
  };

  test('another session holds the user', async () => {
    const release = await world.hold('select * from users for update');
    try {
      expect(await failing(['logout', tokens.user.id])).toMatch(
        /^Postgres cannot be reached, or did not answer in time/,
      );
    } finally {
      await release();
    }
  });

  test('a table is not as it should be', async () => {
    await world.sql('alter table users rename column token_version to other');
    try {
      expect(await failing(['logout', tokens.user.id])).toBe(
        'Postgres refused a statement (SQLSTATE 42703). Its log says why.\n',
      );
    } finally {
      await world.sql('alter table users rename column other to token_version');
    }
  });

  test('the database is new, and stays as it is', async () => {
    const empty = await createWorld({ postgres: own.url, redis: null });
    try {
      expect(await failing(['list'], settings(empty), adminHere)).toMatch(
        /^The database lacks migrations of this version/,
      );
      expect(await empty.sql("select * from pg_tables where schemaname = 'public'")).toEqual([]);
    } finally {
      await empty.close();
    }
  });

  test('the database was migrated by a newer version', async () => {
    await world.sql("insert into tokenfence_migrations (timestamp, name) values (1, 'FromTheFuture1')");
    try {
      expect(await failing(['list'], settings(world), adminHere)).toMatch(
        /by a newer version of Tokenfence \(FromTheFuture1\)/,
      );
    } finally {
      await world.sql("delete from tokenfence_migrations where name = 'FromTheFuture1'");
    }
  });

  test('the settings are wrong', async () => {
    const unset = { DATABASE_URL: 'postgres://me:s3cret-word@127.0.0.1:1/x' };
    expect(await failing(['list'], unset, adminHere)).toMatch(/SECRET/);
    const env = { SECRET: TEST_ENV.SECRET, ...unset };
    const output = await failing(['logout', 'a@example.com'], env);
    expect(output).toMatch(/^Postgres cannot be used: connect ECONNREFUSED/);
    expect(output).not.toContain('s3cret-word');
  });
});

describe('the embedded mode', () => {
  test('works on the folder of a stopped server, and says what to do beside a running one', async () => {
    const folder = await newEmbeddedFolder();
    try {
      const env = { DATA_DIR: folder.path };
      const start = () =>
        startNodeProcess({ ...env, SECRET: undefined, ADMIN_EMAIL: undefined, ADMIN_PASSWORD: undefined });
      const before = await start();
      const tokens = await before.api.newUser();
      expect(await adminProcess(['logout', tokens.user.email], env)).toEqual({
        code: 1,
        output: expect.stringMatching(
          /^A running server uses the folder .*Stop the server and run this again, or use the API/,
        ),
      });
      expect((await before.api.me(tokens.accessToken)).status).toBe(200);
      before.signal('SIGTERM');
      await before.ended;

      expect(await adminProcess(['logout', tokens.user.email], env)).toMatchObject({ code: 0 });
      const reset = await adminProcess(['reset', tokens.user.email], env);
      expect(reset).toEqual({
        code: 0,
        output: expect.stringContaining('\nhttp://localhost:3000/reset-password#token='),
      });
      const after = await start();
      expect((await after.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
      after.signal('SIGTERM');
      await after.ended;
    } finally {
      await folder.remove();
    }
  });

  test('creates no database in a folder that has none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tokenfence-admin-'));
    const ended = await adminHere(['list'], { DATA_DIR: folder });
    expect(ended).toEqual({ code: 1, output: expect.stringMatching(/^There is no database in /) });
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });
});
