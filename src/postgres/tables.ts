import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** The table that records which migrations were run. Its name is not TypeORM's, which an application may use. */
export const LEDGER = 'tokenfence_migrations';

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Returns the schema of our tables. */
export const schemaOf = ({ options }: DataSource): string =>
  (options as { readonly schema?: string }).schema ?? 'public';

/** Returns the names of our tables, without the schema and the ledger. The data source must be initialized. */
export const tablesOf = (dataSource: DataSource): string[] =>
  dataSource.entityMetadatas.map(({ tableName }) => tableName);

/** Returns a table's full name, quoted. */
export const fullName = (dataSource: DataSource, table: string): string =>
  `${quote(schemaOf(dataSource))}.${quote(table)}`;

/**
 * Runs a statement in which our tables are written as `{users}`, which becomes the full name. A search path belongs to
 * the session: it could be anything, and a pooler may change sessions between two statements.
 */
export const run = <T>(manager: EntityManager, text: string, values?: unknown[]): Promise<T> =>
  manager.query<T>(
    text.replace(/\{(\w+)\}/g, (_, table: string) => fullName(manager.dataSource, table)),
    values,
  );

/** Resolves names without a schema to ours until the transaction ends. For migrations, which run in one. */
export async function enterSchema(runner: QueryRunner): Promise<void> {
  await runner.query(`set local search_path to ${quote(schemaOf(runner.manager.dataSource))}`);
}
