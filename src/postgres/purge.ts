import type { DataSource, EntityManager } from 'typeorm';
import { translate } from './faults';
import { IS_SPENT } from './signing-keys';
import { run } from './tables';
import { isPendingRegistration } from './users';

export interface Retention {
  /**
   * s since the epoch, by this process's clock. A revocation must have expired by both clocks: one that was deleted
   * while the clock of Postgres was ahead would be missing after that clock is corrected.
   */
  readonly now: number;
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
  /** s */
  readonly auditRetention: number;
}

/** Rows deleted in one statement. It is small, so that locks are held only briefly. */
const BATCH = 1000;

/** s; how long an ended session is kept: a second logout finds it, and its address stays a known one. */
const WEEK = 7 * 24 * 3600;

/** s; how long a registration waits to be verified. No link to verify it lives as long. */
const MONTH = 30 * 24 * 3600;

/** An arbitrary number that identifies this advisory lock in the database. */
const PURGE_LOCK = 7_466_003;

/**
 * What to delete, by table; `$1` is what the last part returns. Not unconfirmed revocations: they are also the outbox.
 */
const SPENT: readonly [table: string, condition: string, retention: (r: Retention) => number][] = [
  [
    'revocations',
    `expires_at < to_timestamp($1) and expires_at < now() and confirmed_at is not null`,
    (r) => r.now,
  ],
  ['sessions', "purge_on <= (now() - $1 * interval '1 second')::date", () => 0],
  ['sessions', `ended_at < now() - $1 * interval '1 second'`, () => WEEK],
  ['audit_events', `created_at < now() - $1 * interval '1 second'`, (r) => r.auditRetention],
  [
    'users',
    `${isPendingRegistration('{users}')} and created_at < now() - $1 * interval '1 second'`,
    () => MONTH,
  ],
  ['signing_keys', IS_SPENT, (r) => 2 * r.clockSkew],
];

/** Deletes one batch, unless another node is purging. Returns how many rows it had. */
async function deleteBatch(manager: EntityManager, table: string, condition: string, retention: number) {
  const [{ locked }] = await manager.query<[{ locked: boolean }]>(
    'select pg_try_advisory_xact_lock($1) as locked',
    [PURGE_LOCK],
  );
  if (!locked) return 0;
  const [, count] = await run<[unknown[], number]>(
    manager,
    `delete from {${table}} where id in (
       select id from {${table}} where ${condition} limit ${BATCH} for update skip locked)`,
    [retention],
  );
  return count;
}

/**
 * Deletes old rows, one batch per transaction, and returns how many. If a table fails, the others are still purged; the
 * first error is thrown at the end.
 */
export async function purge(dataSource: DataSource, retention: Retention): Promise<number> {
  let total = 0;
  const failures: unknown[] = [];
  for (const [table, condition, retentionOf] of SPENT) {
    try {
      let count: number;
      do {
        count = await dataSource.manager.transaction((manager) =>
          deleteBatch(manager, table, condition, retentionOf(retention)),
        );
        total += count;
      } while (count === BATCH);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw translate(failures[0]);
  return total;
}
