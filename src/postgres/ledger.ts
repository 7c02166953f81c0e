import type { DataSource, EntityManager, Migration, MigrationInterface } from 'typeorm';
import { StartError } from '../core/start-error';
import { codeOf, translate } from './faults';
import { LEDGER, run, schemaOf, tablesOf } from './tables';

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

/** How to run the migrations as another role than that of the node. */
export const OR_MIGRATE =
  'Or let the owner of the tables migrate: npx tokenfence admin migrate --grant <the role of DATABASE_URL>';

/** SQLSTATEs (PostgreSQL, appendix A). */
const INSUFFICIENT_PRIVILEGE = '42501';
const UNDEFINED_TABLE = '42P01';

const namesIn = ({ migrations }: DataSource): string[] =>
  migrations.map((migration) => migration.name ?? migration.constructor.name);

/** Whether the database lacks migrations of this code, for example because a backup was restored. */
export async function hasPendingMigrations(dataSource: DataSource): Promise<boolean> {
  try {
    const rows = await run<{ name: string }[]>(dataSource.manager, `select name from {${LEDGER}}`);
    const done = new Set(rows.map(({ name }) => name));
    return namesIn(dataSource).some((name) => !done.has(name));
  } catch (error) {
    if (codeOf(error) === UNDEFINED_TABLE) return true;
    throw translate(error);
  }
}

/** Returns which of our names the schema already uses. */
async function takenNames(manager: EntityManager): Promise<Set<string>> {
  const { dataSource } = manager;
  const rows = await manager.query<{ name: string }[]>(
    `select relname as name from pg_class where relnamespace = to_regnamespace(quote_ident($1)) and relname = any($2)
     union select typname from pg_type where typnamespace = to_regnamespace(quote_ident($1)) and typname = any($2)`,
    [schemaOf(dataSource), [...tablesOf(dataSource), LEDGER]],
  );
  return new Set(rows.map(({ name }) => name));
}

/** Whether any migration was run. Throws `StartError` if one is newer and this version may not run with it. */
export async function checkAge(manager: EntityManager): Promise<boolean> {
  const rows = await run<{ name: string; harmless: boolean }[]>(
    manager,
    `select name, older_nodes_may_run as harmless from {${LEDGER}}`,
  );
  const known = namesIn(manager.dataSource);
  const newer = rows.find(({ name, harmless }) => !harmless && !known.includes(name));
  if (newer) {
    throw new StartError(
      `The database was migrated by a newer version of Tokenfence (${newer.name}), and this version cannot read it. ` +
        'Start that version or a later one.',
    );
  }
  return rows.length > 0;
}

async function makeLedger(manager: EntityManager, schema: string): Promise<void> {
  try {
    const [{ found }] = await manager.query<[{ found: boolean }]>(
      'select to_regnamespace(quote_ident($1)) is not null as found',
      [schema],
    );
    if (!found) await manager.query(`create schema "${schema}"`);
    await run(manager, MAKE_LEDGER);
  } catch (error) {
    if (codeOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new StartError(
      `Postgres refuses what the start needs: ${(error as Error).message}. As the owner of the database, run: ` +
        `create schema if not exists "${schema}"; grant create, usage on schema "${schema}" to <the role of DATABASE_URL>. ` +
        OR_MIGRATE,
    );
  }
}

/**
 * Checks that the tables are ours to migrate, then creates what the migrations need: the schema and the ledger. Throws
 * `StartError` for tables of another application, and for those of a newer version.
 */
export async function openLedger(manager: EntityManager): Promise<void> {
  const schema = schemaOf(manager.dataSource);
  const taken = await takenNames(manager);
  const hasLedger = taken.delete(LEDGER);
  if (hasLedger && (await checkAge(manager))) return;
  if (taken.size > 0) {
    throw new StartError(
      `The schema "${schema}" has tables that are not Tokenfence's: ${[...taken].sort().join(', ')}. ` +
        'Set DATABASE_SCHEMA to a separate schema, such as tokenfence. The start creates it.',
    );
  }
  if (!hasLedger) await makeLedger(manager, schema);
}

/** Marks the migrations that older nodes may run with. */
export async function noteHarmless(manager: EntityManager, migrations: readonly Migration[]): Promise<void> {
  const harmless = migrations.filter(
    ({ instance }: { instance?: OurMigration }) => instance?.olderNodesMayRun,
  );
  if (harmless.length === 0) return;
  await run(manager, `update {${LEDGER}} set older_nodes_may_run = true where name = any($1)`, [
    harmless.map(({ name }) => name),
  ]);
}
