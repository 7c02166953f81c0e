import { setTimeout as sleep } from 'node:timers/promises';
import { type DataSource, type EntityManager, MigrationExecutor, type QueryRunner } from 'typeorm';
import { translate } from './faults';
import { noteHarmless, openLedger } from './ledger';

/** An arbitrary number that identifies this advisory lock in the database. */
export const START_LOCK = 7_466_002;

/** ms between two attempts to take the lock. */
const RETRY_INTERVAL = 200;

/** ms of waiting before the first report, and between later ones. */
const FIRST_TOLD = 1500;
const TOLD_AGAIN = 15_000;

/** The session that holds the start lock, as far as this role may see it. */
export interface LockHolder {
  readonly pid: number;
  readonly application: string | null;
  readonly address: string | null;
  /** When its transaction or statement began. */
  readonly since: Date | null;
}

export interface StartWait {
  /** Ends the wait at once: `migrate` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Called after 1.5 s of waiting, then every 15 s.
   *
   * @param holder `undefined` if the lock was just released
   * @param waited ms
   */
  readonly onWait?: (holder: LockHolder | undefined, waited: number) => void;
}

async function tryLock(runner: QueryRunner): Promise<boolean> {
  // Each statement must see what the previous holder committed, whatever the default isolation is.
  await runner.startTransaction('READ COMMITTED');
  const [{ taken }] = await runner.manager.query<[{ taken: boolean }]>(
    'select pg_try_advisory_xact_lock($1) as taken',
    [START_LOCK],
  );
  if (!taken) await runner.rollbackTransaction();
  return taken;
}

async function findHolder({ manager }: QueryRunner): Promise<LockHolder | undefined> {
  const [holder] = await manager.query<LockHolder[]>(
    `select pid, nullif(application_name, '') as application, client_addr as address,
       coalesce(xact_start, query_start) as since
     from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and classid = 0 and objid = $1
       and pg_locks.database = (select oid from pg_database where datname = current_database())`,
    [START_LOCK],
  );
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
 * Brings the schema up to date and runs `prepare`, all in one transaction that holds the start lock. Of several nodes
 * that start at once, one does the work. Nothing is left half done.
 *
 * The lock belongs to the transaction, not the session: a pooler in transaction mode would leave a session's lock on a
 * connection that it then gives to another client.
 *
 * @param dataSource without a statement timeout: a migration may take long
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
      await openLedger(runner.manager);
      await noteHarmless(
        runner.manager,
        await new MigrationExecutor(dataSource, runner).executePendingMigrations(),
      );
      const prepared = await prepare(runner.manager);
      await runner.commitTransaction();
      return prepared;
    } catch (error) {
      // If the connection was lost, so was the transaction; report the first error.
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await runner.release();
  }
}
