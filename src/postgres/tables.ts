import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/** Every table of ours. */
export const TABLES = [
  'audit_events',
  'fleet',
  'refresh_tokens',
  'revocations',
  'sessions',
  'signing_keys',
  'users',
] as const;

/** The record of the migrations that were run. Its name is our own, as an application has one too. */
export const LEDGER = 'tokenfence_migrations';

const PLACEHOLDER = new RegExp(`\\{(${[...TABLES, LEDGER].join('|')})\\}`, 'g');

const texts = new WeakMap<DataSource, Map<string, string>>();

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** The schema that our tables are in. */
export const schemaOf = ({ options }: DataSource): string =>
  (options as { readonly schema?: string }).schema ?? 'public';

/** A table's full name, quoted. */
export const tableName = (dataSource: DataSource, table: string): string =>
  `${quote(schemaOf(dataSource))}.${quote(table)}`;

/**
 * Puts full names in the place of `{users}` and the like. Full names, as a search path is of the session: it could be
 * anything, and a pooler may change sessions between two statements.
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

/** Runs a statement of ours, in which tables are written `{users}`. */
export const run = <T>(manager: EntityManager, text: string, values?: unknown[]): Promise<T> =>
  manager.query<T>(withTables(manager.dataSource, text), values);

/** Lets names without a schema mean ours until the transaction ends. For migrations, which run in one. */
export async function enterSchema(runner: QueryRunner): Promise<void> {
  await runner.query(`set local search_path to ${quote(schemaOf(runner.manager.dataSource))}`);
}
