import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DataSource,
  type EntityManager,
  MigrationExecutor,
  QueryFailedError,
  type QueryRunner,
} from 'typeorm';
import { translate } from './faults';
import { noteHarmless, openLedger, pendingOf } from './ledger';
import { LEDGER, withTables } from './tables';

/** Any fixed number will do; it names this lock among the advisory locks of the database. */
export const START_LOCK = 7_466_002;

/** ms between two attempts to take the lock. */
const RETRY_INTERVAL = 200;

/** ms of waiting until it is told for the first time, and between two further times. */
const FIRST_TOLD = 1500;
const TOLD_AGAIN = 15_000;

/** SQLSTATE (PostgreSQL, appendix A). */
const UNDEFINED_TABLE = '42P01';

/** The session that holds the start lock, as far as this role may see it. */
export interface LockHolder {
  readonly pid: number;
  readonly application: string | null;
  readonly address: string | null;
  /** When its transaction or statement began. */
  readonly since: Date | null;
}

export interface StartWait {
  /** Ends the wait for the lock at once: `migrate` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Called when the wait has lasted for 1.5 s, and every 15 s from then on.
   *
   * @param holder `undefined` if the lock was given back just now
   * @param waited ms
   */
  readonly onWait?: (holder: LockHolder | undefined, waited: number) => void;
}

async function tryLock(runner: QueryRunner): Promise<boolean> {
  // Each statement must see what the holder before us committed, whatever the default isolation is.
  await runner.startTransaction('READ COMMITTED');
  const [row] = (await runner.query('select pg_try_advisory_xact_lock($1) as taken', [START_LOCK])) as [
    { taken: boolean },
  ];
  if (!row.taken) await runner.rollbackTransaction();
  return row.taken;
}

async function findHolder(runner: QueryRunner): Promise<LockHolder | undefined> {
  const [holder] = (await runner.query(
    `select pid, nullif(application_name, '') as application, client_addr as address,
       coalesce(xact_start, query_start) as since
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and classid = 0 and objid = $1
       and pg_locks.database = (select oid from pg_database where datname = current_database())`,
    [START_LOCK],
  )) as LockHolder[];
  return holder;
}

/** Opens a transaction that holds the lock. */
async function lock(runner: QueryRunner, { signal, onWait }: StartWait): Promise<void> {
  const begun = performance.now();
  let nextTold = FIRST_TOLD;
  signal?.throwIfAborted();
  while (!(await tryLock(runner))) {
    const waited = performance.now() - begun;
    if (onWait && waited >= nextTold) {
      nextTold = waited + TOLD_AGAIN;
      onWait(await findHolder(runner), waited);
    }
    await sleep(RETRY_INTERVAL, undefined, { signal });
  }
}

/**
 * Brings the schema up to date and then runs `prepare`, all in one transaction that holds the start lock: of several
 * nodes that start at once, one does the work and the others find it done. Nothing is left half done.
 *
 * The lock is of the transaction, not of the session: behind a pooler in transaction mode a session's lock would stay
 * with a connection that somebody else is given next.
 *
 * @param dataSource with no statement timeout: a migration may take long
 */
export async function migrate<T>(
  dataSource: DataSource,
  prepare: (manager: EntityManager) => Promise<T>,
  wait: StartWait = {},
): Promise<T> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.connect();
    await lock(runner, wait);
    try {
      await openLedger(runner);
      await noteHarmless(runner, await new MigrationExecutor(dataSource, runner).executePendingMigrations());
      const prepared = await prepare(runner.manager);
      await runner.commitTransaction();
      return prepared;
    } catch (error) {
      // Should the connection be lost, then so is the transaction, and the fault to tell of is the one before.
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
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
    const rows = await dataSource.query<{ name: string }[]>(
      withTables(dataSource, `select name from {${LEDGER}}`),
    );
    return pendingOf(dataSource, new Set(rows.map(({ name }) => name))).length > 0;
  } catch (error) {
    const code = error instanceof QueryFailedError && (error.driverError as { code?: string }).code;
    if (code === UNDEFINED_TABLE) return true;
    throw translate(error);
  }
}
