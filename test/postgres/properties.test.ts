import { useAll } from '../support/use-all';
import { type World } from '../support/world';
import { worldMakerOnOwnPostgres } from '../support/world-maker';

const newWorld = worldMakerOnOwnPostgres();
const nameOf = (world: World) => new URL(world.databaseUrl).pathname.slice(1);

test('every default of a database session works', async () => {
  const world = await newWorld();
  const defaults = {
    DateStyle: 'German',
    TimeZone: 'America/St_Johns',
    IntervalStyle: 'sql_standard',
    bytea_output: 'escape',
    extra_float_digits: '-15',
    default_transaction_isolation: 'serializable',
    synchronous_commit: 'off',
    standard_conforming_strings: 'off',
    row_security: 'on',
    array_nulls: 'off',
    transform_null_equals: 'on',
    search_path: 'nowhere',
    statement_timeout: '1ms',
    lock_timeout: '1ms',
    idle_in_transaction_session_timeout: '1ms',
  };
  const settings = Object.entries(defaults).map(
    ([name, value]) => `alter database ${nameOf(world)} set ${name} = '${value}'`,
  );
  await world.sql(settings.join(';'));
  const node = await world.node();
  await useAll(node);
});

test.each([
  ['a deadlock', '40P01'],
  ['a serialization failure', '40001'],
])('a transaction that Postgres aborts with %s is run again', async (_why, code) => {
  const world = await newWorld();
  const node = await world.node();
  // A sequence counts even in an aborted transaction: the first two attempts fail.
  await world.sql(`
    create sequence attempts;
    create function fail_twice() returns trigger language plpgsql as $$ begin
      if nextval('attempts') <= 2 then raise exception 'overtaken' using errcode = '${code}'; end if;
      return new;
    end $$;
    create trigger fail_twice before insert on sessions for each row execute function fail_twice()`);
  expect((await node.api.register('overtaken@example.com')).user.id).toBeTruthy();
  expect(await world.sql(`select id from users where email = 'overtaken@example.com'`)).toHaveLength(1);
});

const sqlOn = async (world: World, ...statements: string[]) => {
  for (const statement of statements) await world.sql(statement.replaceAll('DB', nameOf(world)));
};

test.each<[string, RegExp, (world: World) => Promise<void>]>([
  [
    'transactions that only read',
    /Transactions are read-only by default here.*default_transaction_read_only = off/,
    (world) => sqlOn(world, 'alter database DB set default_transaction_read_only = on'),
  ],
  [
    'fewer connections than its pool',
    /DATABASE_POOL_SIZE is 10, but the role may open 5 connections/,
    (world) => sqlOn(world, 'alter database DB connection limit 5'),
  ],
])('the start names the fault of a store: %s', async (_what, sentence, spoil) => {
  const world = await newWorld();
  await spoil(world);
  await expect(world.node()).rejects.toThrow(sentence);
  await sqlOn(world, 'begin; set transaction read write; alter database DB reset all; commit');
});

test('rows hidden by a policy stop the start and are never taken for missing revocations', async () => {
  const world = await newWorld();
  await (await world.node()).close();
  await world.sql(`
    do $$ begin create role tenant login; exception when duplicate_object then null; end $$;
    grant all on schema public to tenant;
    grant all on all tables in schema public to tenant;
    alter table revocations enable row level security`);
  const url = new URL(world.databaseUrl);
  url.username = 'tenant';
  await expect(world.node({ DATABASE_URL: url.href })).rejects.toThrow(
    /Row security hides rows of revocations from the role tenant.*alter role tenant bypassrls/s,
  );
  await world.sql('alter table revocations disable row level security');
  const node = await world.node({ DATABASE_URL: url.href });
  await useAll(node);
  const { accessToken } = await node.api.register('late@example.com');
  await world.sql('alter table revocations enable row level security');
  // Enabled while the node runs: no statement that reads the log, or may append to it, works.
  const answer = await node.api.send('mutation { logoutEverywhere { confirmed } }', {}, accessToken);
  expect(answer.data?.logoutEverywhere?.confirmed).not.toBe(true);
});

test('a database in another encoding stops the start', async () => {
  const world = await newWorld();
  const other = `${nameOf(world)}_latin1`;
  await world.sql(
    `create database ${other} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`,
  );
  const url = new URL(world.databaseUrl);
  url.pathname = `/${other}`;
  await expect(world.node({ DATABASE_URL: url.href })).rejects.toThrow(
    /encoding LATIN1.*create database tokenfence encoding 'UTF8'/,
  );
  await world.sql(`drop database ${other}`);
});

test('a Postgres without fsync gives a warning in the log', async () => {
  const node = await (await newWorld()).node();
  expect(node.log.filter((line) => line.includes('fsync'))).toHaveLength(1);
});
