import type { DataSource, Migration, MigrationInterface, QueryRunner } from 'typeorm';
import { StartError } from '../core/start-error';
import { LEDGER, schemaOf, TABLES, tableName, withTables } from './tables';

/** A migration that says whether nodes which do not know it may still run. By default they may not. */
export interface OurMigration extends MigrationInterface {
  /** Set it only for additions that older nodes neither need nor misread. */
  readonly olderNodesMayRun?: boolean;
}

// TypeORM would give the table a counter, which is lost when logical replication moves the database.
const MAKE_LEDGER = `
  create table {${LEDGER}} (
    id bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint
      constraint ${LEDGER}_pkey primary key,
    "timestamp" bigint not null,
    name text not null,
    older_nodes_may_run boolean not null default false
  )`;

/** SQLSTATE (PostgreSQL, appendix A). */
const INSUFFICIENT_PRIVILEGE = '42501';

const nameOf = (migration: MigrationInterface): string => migration.name ?? migration.constructor.name;

/** Returns the migrations of this code that the database has not run. */
export const pendingOf = (dataSource: DataSource, done: ReadonlySet<string>): string[] =>
  dataSource.migrations.map(nameOf).filter((name) => !done.has(name));

async function takenNames(runner: QueryRunner, schema: string): Promise<Set<string>> {
  const rows = (await runner.query(
    `select relname as name from pg_class where relnamespace = to_regnamespace(quote_ident($1)) and relname = any($2)
     union select typname from pg_type where typnamespace = to_regnamespace(quote_ident($1)) and typname = any($2)`,
    [schema, [...TABLES, LEDGER]],
  )) as { name: string }[];
  return new Set(rows.map(({ name }) => name));
}

/** Throws `StartError` if the ledger has a newer migration that this version may not run with. */
async function checkAge(runner: QueryRunner, dataSource: DataSource): Promise<Set<string>> {
  const rows = (await runner.query(
    withTables(dataSource, `select name, older_nodes_may_run as harmless from {${LEDGER}}`),
  )) as { name: string; harmless: boolean }[];
  const known = new Set(dataSource.migrations.map(nameOf));
  const [newer] = rows.filter(({ name, harmless }) => !harmless && !known.has(name));
  if (newer) {
    throw new StartError(
      `The database was migrated by a newer version of Tokenfence (${newer.name}), and this version cannot read it. ` +
        'Start that version or a later one.',
    );
  }
  return new Set(rows.map(({ name }) => name));
}

function whyNotMade(error: unknown, schema: string): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code !== INSUFFICIENT_PRIVILEGE) return error;
  return new StartError(
    `Postgres refuses what the start needs: ${String(message)}. As the owner of the database, run: ` +
      `create schema if not exists "${schema}"; grant create, usage on schema "${schema}" to <the role of DATABASE_URL>`,
  );
}

async function makeLedger(runner: QueryRunner, dataSource: DataSource): Promise<void> {
  const schema = schemaOf(dataSource);
  try {
    const [found] = (await runner.query('select to_regnamespace(quote_ident($1)) is not null as there', [
      schema,
    ])) as [{ there: boolean }];
    if (!found.there) await runner.query(`create schema "${schema}"`);
    await runner.query(withTables(dataSource, MAKE_LEDGER));
  } catch (error) {
    throw whyNotMade(error, schema);
  }
}

/**
 * Checks that the tables are ours to migrate, then creates what the migrations need: the schema and the ledger. Throws
 * `StartError` for tables of another application, and for those of a newer version.
 */
export async function openLedger(runner: QueryRunner): Promise<void> {
  const { dataSource } = runner.manager;
  const schema = schemaOf(dataSource);
  const taken = await takenNames(runner, schema);
  const done = taken.has(LEDGER) ? await checkAge(runner, dataSource) : new Set<string>();
  if (taken.has(LEDGER) && done.size > 0) return;
  const foreign = TABLES.filter((table) => taken.has(table));
  if (foreign.length > 0) {
    throw new StartError(
      `The schema "${schema}" has tables that are not Tokenfence's: ${foreign.join(', ')}. ` +
        'Set DATABASE_SCHEMA to a separate schema, such as tokenfence. The start creates it.',
    );
  }
  if (!taken.has(LEDGER)) await makeLedger(runner, dataSource);
}

/** Marks the migrations that older nodes may run with. */
export async function noteHarmless(runner: QueryRunner, migrations: readonly Migration[]): Promise<void> {
  const harmless = migrations.filter(
    ({ instance }: { instance?: OurMigration }) => instance?.olderNodesMayRun,
  );
  if (harmless.length === 0) return;
  await runner.query(
    `update ${tableName(runner.manager.dataSource, LEDGER)} set older_nodes_may_run = true where name = any($1)`,
    [harmless.map(({ name }) => name)],
  );
}
