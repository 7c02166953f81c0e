import type { DataSource, EntityManager } from 'typeorm';
import { deleteSpentKeys } from './signing-keys';
import { translate } from './faults';
import { run } from './tables';

export interface Retention {
  /**
   * s since the epoch, by the clock of this process. A revocation goes when it has expired by both clocks: one that was
   * deleted while the clock of Postgres was ahead would be missing when that is set right.
   */
  readonly now: number;
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
  /** s; how long a used refresh token is remembered, so that its reuse is seen as theft. */
  readonly refreshTokenTtl: number;
  /** s */
  readonly auditRetention: number;
}

/** Rows deleted in one statement: few enough to hold locks only briefly. */
const BATCH = 1000;

/**
 * s; for how long it is known of a session that it has ended: so that a second logout is told so, and the user's network is
 * still a known one.
 */
const WEEK = 7 * 24 * 3600;

/** Any fixed number will do; it names this lock among the advisory locks of the database. */
const PURGE_LOCK = 7_466_003;

/**
 * What may go, by table; `$1` is the retention in s, or the time. Confirmed revocations only: an unconfirmed one is also the outbox.
 */
const SPENT: readonly [table: string, condition: string, retention: (r: Retention) => number][] = [
  [
    'revocations',
    `expires_at < to_timestamp($1) and expires_at < now() and confirmed_at is not null`,
    (r) => r.now,
  ],
  ['refresh_tokens', `used_at < now() - $1 * interval '1 second'`, (r) => r.refreshTokenTtl],
  ['sessions', `idle_expires_at < now() - $1 * interval '1 second'`, () => WEEK],
  ['sessions', `ended_at < now() - $1 * interval '1 second'`, () => WEEK],
  ['audit_events', `created_at < now() - $1 * interval '1 second'`, (r) => r.auditRetention],
];

async function deleteBatch(manager: EntityManager, table: string, condition: string, retention: number) {
  const [, count] = await run<[unknown[], number]>(
    manager,
    `delete from {${table}} where id in (
       select id from {${table}} where ${condition} limit ${BATCH} for update skip locked)`,
    [retention],
  );
  return count;
}

/** One table's share. Ends when nothing is left, or another node is found at it. */
async function purgeTable(dataSource: DataSource, table: string, condition: string, retention: number) {
  let total = 0;
  let count: number;
  do {
    count = await dataSource.manager.transaction(async (manager) => {
      const [{ locked }] = await manager.query<[{ locked: boolean }]>(
        'select pg_try_advisory_xact_lock($1) as locked',
        [PURGE_LOCK],
      );
      return locked ? deleteBatch(manager, table, condition, retention) : 0;
    });
    total += count;
  } while (count === BATCH);
  return total;
}

/**
 * Deletes what nobody needs any more, a batch a transaction, and answers how many rows went. A table that fails does not
 * keep the others from their turn; the first failure is thrown when all have had it.
 */
export async function purge(dataSource: DataSource, retention: Retention): Promise<number> {
  const shares = [
    ...SPENT.map(
      ([table, condition, keep]) =>
        () =>
          purgeTable(dataSource, table, condition, keep(retention)),
    ),
    () => deleteSpentKeys(dataSource.manager, retention.clockSkew).then(() => 0),
  ];
  let total = 0;
  const failures: unknown[] = [];
  for (const share of shares) {
    try {
      total += await share();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw translate(failures[0]);
  return total;
}
