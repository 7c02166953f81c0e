import { administer, creating } from '../../src/commands/admin';
import { createDataSource } from '../../src/postgres/data-source';
import { purge } from '../../src/postgres/purge';
import { useAll } from '../support/use-all';
import { TEST_ENV, type World } from '../support/world';
import { worldMakerOnOwnPostgres } from '../support/world-maker';

const newWorld = worldMakerOnOwnPostgres();

/** An application with TypeORM and tables of its own. */
const APPLICATION = `
  create table users (id serial primary key, email text);
  create table sessions (sid text primary key);
  create table migrations (id serial primary key, "timestamp" bigint not null, name varchar not null);
  insert into users (email) values ('theirs@example.com');
  insert into migrations ("timestamp", name) values (1, 'Theirs1')`;

const relationsIn = async (world: World, schema: string) => {
  const rows = await world.sql<{ relname: string }>(
    'select relname from pg_class where relnamespace = to_regnamespace($1) order by 1',
    [schema],
  );
  return rows.map(({ relname }) => relname);
};

test('everything works in its own schema, beside an application with the same table names', async () => {
  const world = await newWorld();
  await world.sql(APPLICATION);
  const theirs = await relationsIn(world, 'public');
  const env = { DATABASE_SCHEMA: 'auth' };
  const node = await world.node(env);
  await useAll(node);
  const { accessToken } = await node.api.loginAsAdmin();
  const rotated = await node.api.send(
    'mutation { rotateSigningKey(revokeOld: true) { id } }',
    {},
    accessToken,
  );
  expect(rotated.errors).toBeUndefined();
  expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
  await node.close();
  await world.node(env);

  const address = { url: world.databaseUrl, schema: 'auth' };
  const dataSource = await createDataSource(address, { statementTimeout: 0, poolSize: 2 }).initialize();
  try {
    await purge(dataSource, {
      now: Date.now() / 1000,
      clockSkew: 5000,
      auditRetention: 1e8,
    });
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  } finally {
    await dataSource.destroy();
  }

  expect(await relationsIn(world, 'public')).toEqual(theirs);
  expect(await world.sql('select email from public.users')).toEqual([{ email: 'theirs@example.com' }]);
  expect(await world.sql('select name from public.migrations')).toEqual([{ name: 'Theirs1' }]);
  expect(await relationsIn(world, 'auth')).toContain('tokenfence_migrations');
});

test('the administrator command works in the same schema', async () => {
  const world = await newWorld();
  await world.sql(APPLICATION);
  const env = { ...TEST_ENV, DATABASE_URL: world.databaseUrl, DATABASE_SCHEMA: 'auth' };
  expect(await administer(creating('boss@example.com'), env)).toEqual({
    code: 0,
    text: expect.stringContaining('boss@example.com'),
  });
  expect(await world.sql('select email from auth.users')).toEqual([{ email: 'boss@example.com' }]);
});

test('foreign tables stop the start with a sentence, and nothing is created', async () => {
  const world = await newWorld();
  await world.sql(APPLICATION);
  const before = await relationsIn(world, 'public');
  await expect(world.node()).rejects.toMatchObject({
    name: 'StartError',
    message:
      `The schema "public" has tables that are not Tokenfence's: sessions, users. ` +
      'Set DATABASE_SCHEMA to a separate schema, such as tokenfence. The start creates it.',
  });
  expect(await relationsIn(world, 'public')).toEqual(before);
  // With only the migrations table of the application, both fit.
  await world.sql('drop table users, sessions');
  await world.node();
  expect(await world.sql('select name from migrations')).toEqual([{ name: 'Theirs1' }]);
});

test('a role that may not create the schema is told what the owner has to run', async () => {
  const world = await newWorld();
  await world.sql(`
    do $$ begin create role visitor login; exception when duplicate_object then null; end $$;
    revoke create on schema public from public`);
  const url = new URL(world.databaseUrl);
  url.username = 'visitor';
  for (const schema of ['public', 'auth']) {
    await expect(world.node({ DATABASE_URL: url.href, DATABASE_SCHEMA: schema })).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining(
        `create schema if not exists "${schema}"; grant create, usage on schema`,
      ),
    });
  }
  await world.sql('create schema auth; grant all on schema auth to visitor');
  await useAll(await world.node({ DATABASE_URL: url.href, DATABASE_SCHEMA: 'auth' }));
});

test('a node older than the database starts only if the migration permits it', async () => {
  const world = await newWorld();
  await (await world.node()).close();
  await world.sql(
    `insert into tokenfence_migrations ("timestamp", name) values (1900000000000, 'AddTeams1900000000000')`,
  );
  await expect(world.node()).rejects.toMatchObject({
    name: 'StartError',
    message: expect.stringContaining('migrated by a newer version of Tokenfence (AddTeams1900000000000)'),
  });
  await world.sql(
    `update tokenfence_migrations set older_nodes_may_run = true where name = 'AddTeams1900000000000'`,
  );
  await useAll(await world.node());
});
