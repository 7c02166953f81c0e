import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** The names of our tables. */
export const TABLES = [
  'audit_events',
  'fleet',
  'refresh_tokens',
  'revocations',
  'sessions',
  'signing_keys',
  'users',
] as const;

/** The table that records which migrations were run. Its name is not TypeORM's, which an application may use. */
export const LEDGER = 'tokenfence_migrations';

const PLACEHOLDER = new RegExp(`\\{(${[...TABLES, LEDGER].join('|')})\\}`, 'g');

const texts = new WeakMap<DataSource, Map<string, string>>();

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Returns the schema of our tables. */
export const schemaOf = ({ options }: DataSource): string =>
  (options as { readonly schema?: string }).schema ?? 'public';

/** Returns a table's full name, quoted. */
export const tableName = (dataSource: DataSource, table: string): string =>
  `${quote(schemaOf(dataSource))}.${quote(table)}`;

/**
 * Replaces `{users}` and the like by full names. A search path belongs to the session: it could be anything, and a
 * pooler may change sessions between two statements.
 */
export function withTables(dataSource: DataSource, text: string): string {
  let known = texts.get(dataSource);
  if (!known) texts.set(dataSource, (known = new Map<string, string>()));
  let full = known.get(text);
  if (full === undefined) {
    full = text.replace(PLACEHOLDER, (_, table: string) => tableName(dataSource, table));
    known.set(text, full);
  }
  return full;
}

/** Runs a statement in which our tables are written as `{users}`. */
export const run = <T>(manager: EntityManager, text: string, values?: unknown[]): Promise<T> =>
  manager.query<T>(withTables(manager.dataSource, text), values);

/** Resolves names without a schema to ours until the transaction ends. For migrations, which run in one. */
export async function enterSchema(runner: QueryRunner): Promise<void> {
  await runner.query(`set local search_path to ${quote(schemaOf(runner.manager.dataSource))}`);
}
