import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTokenfence, migrate, StartError, type TokenfenceOptions } from '../../src/server';
import { type EmbeddedFolder, newEmbeddedFolder, QUICK_START } from '../support/embedded-folder';
import { PASSWORD } from '../support/api';
import { createWorld, TEST_ENV, type World } from '../support/world';
import { startTeamServer } from './team-server';

let world: World;
let folder: EmbeddedFolder;

/** The tables of the application, one of which has the name of one of ours. */
const TEAM_TABLES = `
  drop schema public cascade;
  create schema public;
  create table users (id serial primary key, account_id uuid, name text not null);
  insert into users (name) values ('who was there before')`;

beforeAll(async () => {
  folder = await newEmbeddedFolder();
  world = await createWorld({ redis: null });
  await world.sql(TEAM_TABLES);
});
afterAll(async () => {
  await folder.remove();
  // Fails if a start that was refused has left a connection open.
  await world.close();
});

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

const optionsFor = (more: Partial<TokenfenceOptions> = {}): TokenfenceOptions => ({
  databaseUrl: world.databaseUrl,
  secret: TEST_ENV.SECRET,
  logger: SILENT,
  ...more,
});

const refusalOf = (start: Promise<unknown>) =>
  start.then(
    () => 'It started.',
    (error: unknown) => (error instanceof StartError ? error.message : error),
  );

const tablesIn = async (schema: string) => {
  const rows = await world.sql<{ name: string }>(
    'select table_name as name from information_schema.tables where table_schema = $1',
    [schema],
  );
  return rows.map(({ name }) => name);
};

test('beside a table of the application with the name of ours, the start names the option to set, and changes nothing', async () => {
  const sentence =
    `The schema "public" has tables that are not Tokenfence's: users. ` +
    'Set databaseSchema to a separate schema, such as tokenfence. The start creates it.';
  expect(await refusalOf(createTokenfence(optionsFor()))).toBe(sentence);
  expect(await refusalOf(migrate(optionsFor()))).toBe(sentence);
  expect(await tablesIn('public')).toEqual(['users']);
  expect(await world.sql('select name from users')).toEqual([{ name: 'who was there before' }]);
});

test('with migrate: false nothing is migrated: the start names what to call, and starts after it', async () => {
  const options = optionsFor({ databaseSchema: 'by_hand' });
  const start = () => createTokenfence({ ...options, migrate: false });
  expect(await refusalOf(start())).toBe(
    'The database lacks migrations of this version, and the option migrate is false. Run them: await migrate(options).',
  );
  expect(await tablesIn('by_hand')).toEqual([]);
  await migrate(options);
  const auth = await start();
  const { id } = await auth.api.createUser({ email: 'by-hand@example.com', password: PASSWORD });
  expect(await world.sql('select id from by_hand.users')).toEqual([{ id }]);
  await auth.close();
});

const REGISTER = `mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }`;

test('without Redis, in a schema of its own, an account and a row of the application are one change, and a logout is final', async () => {
  const databaseSchema = 'auth';
  const { api, auth, ...server } = await startTeamServer('node', world, {
    databaseSchema,
    hooks: {
      async registering({ user, input, sql }) {
        await sql('insert into users (account_id, name) values ($1, $2)', [user.id, input.name]);
        if (input.name === 'refused') throw new Error('refused');
      },
    },
  });
  const register = (name: string) =>
    api.send(REGISTER, { input: { email: 'ada@example.com', password: PASSWORD, name } });

  expect((await register('refused')).code).toBe('INTERNAL_SERVER_ERROR');
  const { accessToken, user } = (await register('Ada')).data.register;
  expect(await auth.sql('select name from users where account_id is not null')).toEqual([{ name: 'Ada' }]);
  expect(await world.sql('select id from auth.users')).toEqual([{ id: user.id }]);

  const other = await createTokenfence(optionsFor({ databaseSchema }));
  const checkOnBoth = () =>
    Promise.all([auth.guard, other.guard].map((guard) => guard.authenticate(`Bearer ${accessToken}`)));
  expect(await checkOnBoth()).toMatchObject([{ principal: { userId: user.id } }, { ok: true }]);
  const out = await api.send('mutation { logout { confirmed } }', {}, accessToken);
  expect(out.data).toEqual({ logout: { confirmed: true } });
  expect(await checkOnBoth()).toMatchObject([{ code: 'TOKEN_REVOKED' }, { code: 'TOKEN_REVOKED' }]);
  await other.close();
  await server.close();
});

const OPEN_AND_CLOSE = `
  const { createServer } = require('node:http');
  const { createTokenfence } = require('./dist/src/server/index.js');
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  (async () => {
    for (const options of JSON.parse(process.argv[1])) {
      const auth = await createTokenfence({ ...options, logger });
      await auth.api.listUsers({ first: 1 });
      // Our HTTP is made ready by its first request.
      const server = createServer((request, response) => auth.node(request, response)).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const { status } = await fetch('http://127.0.0.1:' + server.address().port + '/readyz');
      server.close();
      server.closeAllConnections();
      console.log(status);
      await Promise.all([auth.close(), auth.close()]);
      await auth.close();
    }
  })();`;

test('after close() a process ends by itself on every store, and closing again is harmless', async () => {
  const onServers = { ...optionsFor({ databaseSchema: 'closed' }), logger: undefined };
  const redisUrl = process.env.SHARED_REDIS;
  const stores = [
    onServers,
    { ...onServers, databaseSchema: 'closed_too', redisUrl },
    { dataDir: folder.path },
  ];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [QUICK_START, '-e', OPEN_AND_CLOSE, JSON.stringify(stores)],
    // One that does not end is killed, which fails the test.
    { cwd: join(__dirname, '../..'), timeout: 100_000, killSignal: 'SIGKILL' },
  );
  expect(stdout).toBe('200\n200\n200\n');
});
