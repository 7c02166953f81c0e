import { type DataSource, type EntityManager, MigrationExecutor, QueryFailedError } from 'typeorm';
import { translate } from './faults';

/** Any fixed number will do; it names this lock among the advisory locks of the database. */
const START_LOCK = 7_466_002;

/** SQLSTATE (PostgreSQL, appendix A). */
const UNDEFINED_TABLE = '42P01';

/**
 * Brings the schema up to date and then runs `prepare`, both under one advisory lock: of several nodes that start at
 * once, one does the work and the others find it done.
 *
 * @param dataSource with no statement timeout: the others wait in one statement, and a migration may take long
 */
export async function migrate<T>(
  dataSource: DataSource,
  prepare: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.connect();
    // Of the session, not of a transaction: each migration has a transaction of its own.
    await runner.query('select pg_advisory_lock($1)', [START_LOCK]);
    try {
      await new MigrationExecutor(dataSource, runner).executePendingMigrations();
      // In one transaction: what a crash leaves half prepared would never be completed.
      return await runner.manager.transaction(prepare);
    } finally {
      // Should the connection be lost, then so is the lock, and the fault to tell of is the one before.
      await runner.query('select pg_advisory_unlock($1)', [START_LOCK]).catch(() => undefined);
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await runner.release();
  }
}

/** Whether this code has migrations that the database has not had; it may have been restored from a backup. */
export async function hasPendingMigrations(dataSource: DataSource): Promise<boolean> {
  try {
    const rows = await dataSource.query<{ name: string }[]>('select name from migrations');
    const done = new Set(rows.map(({ name }) => name));
    return dataSource.migrations.some(({ name, constructor }) => !done.has(name ?? constructor.name));
  } catch (error) {
    const code = error instanceof QueryFailedError && (error.driverError as { code?: string }).code;
    if (code === UNDEFINED_TABLE) return true;
    throw translate(error);
  }
}
