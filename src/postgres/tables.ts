import { createHash } from 'node:crypto';
import type { Pool, PoolClient, QueryConfig } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { codeOf } from './faults';

/** The table that records which migrations were run. Its name is not TypeORM's, which an application may use. */
export const LEDGER = 'tokenfence_migrations';

/** Quotes a name for SQL. */
export const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

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
 * Writes the tables' full names into a statement, where they are written as `{users}`. A search path belongs to the
 * session: it could be anything, and a pooler may change sessions between two statements.
 */
const named = (dataSource: DataSource, text: string) =>
  text.replace(/\{(\w+)\}/g, (_, table: string) => fullName(dataSource, table));

/** Runs a statement in which our tables are written as `{users}`. */
export const run = <T>(manager: EntityManager, text: string, values?: unknown[]): Promise<T> =>
  manager.query<T>(named(manager.dataSource, text), values);

/** A row as Postgres writes it in JSON: times are text. */
export type InJson<Row> = {
  readonly [Column in keyof Row]: Date extends Row[Column]
    ? Exclude<Row[Column], Date> | string
    : Row[Column];
};

/** A statement that each connection prepares once. It ends in `select` or `returning`. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** How a data source prepares statements. */
interface Preparing {
  readonly known: Map<Statement, Statement>;
  /** Whether a pooler in front of Postgres keeps no prepared statements. */
  isRefused: boolean;
  /** Called once. */
  onRefused?: (() => void) | undefined;
}

const preparing = new WeakMap<DataSource, Preparing>();

function preparingOf(dataSource: DataSource): Preparing {
  const known = preparing.get(dataSource) ?? { known: new Map(), isRefused: false };
  preparing.set(dataSource, known);
  return known;
}

/** Calls `work` once, when a pooler turns out to keep no prepared statements. */
export function onPreparingRefused(dataSource: DataSource, work: () => void): void {
  preparingOf(dataSource).onRefused = work;
}

/**
 * Names the tables. The name gets a hash of the text: a pooler may lend us a connection on which another process, of
 * another version or with another schema, has prepared a statement. Under the same name there is always the same text.
 */
function completed(dataSource: DataSource, statement: Statement): Statement {
  const { known } = preparingOf(dataSource);
  const found = known.get(statement);
  if (found) return found;
  const text = named(dataSource, statement.text);
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const made = { name: `tokenfence_${statement.name}_${hash}`, text };
  known.set(statement, made);
  return made;
}

/** SQLSTATE: the prepared statement does not exist on this connection, or another client of the pooler has made it. */
const NOT_PREPARED = ['26000', '42P05'];

/**
 * Runs a statement past the ORM, which would cost more than the statement. Outside of a transaction it is prepared, and
 * one round trip. In a transaction it is not: there it could not be repeated.
 *
 * A pooler in transaction mode may keep no prepared statements. Postgres then refuses one before it does anything, so it
 * is run again without a name, as is every later one of this process.
 */
export async function runPrepared<Row extends object>(
  { dataSource, queryRunner }: EntityManager,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  const { name, text } = completed(dataSource, statement);
  const runOn = async (client: Pool | PoolClient, query: QueryConfig) =>
    (await client.query<Row>({ ...query, values })).rows;
  if (queryRunner) return runOn((await queryRunner.connect()) as PoolClient, { text });
  const [pool, state] = [poolOf(dataSource), preparingOf(dataSource)];
  if (state.isRefused) return runOn(pool, { text });
  try {
    return await runOn(pool, { name, text });
  } catch (error) {
    if (!NOT_PREPARED.includes(codeOf(error) ?? '')) throw error;
    state.isRefused = true;
    state.onRefused?.();
    state.onRefused = undefined;
    return runOn(pool, { text });
  }
}

/** Returns the pool of connections of a data source. */
export const poolOf = (dataSource: DataSource): Pool =>
  (dataSource.driver as unknown as { readonly master: Pool }).master;

/** Resolves names without a schema to ours until the transaction ends. For migrations, which run in one. */
export async function enterSchema(runner: QueryRunner): Promise<void> {
  await runner.query(`set local search_path to ${quote(schemaOf(runner.manager.dataSource))}`);
}
