import type { EntityManager } from 'typeorm';
import { serviceUnavailable } from '../core/errors';

// A primary that was cut off still answers reads after its standby was promoted, and lacks what the new primary was told.
// Its commits wait for a standby that follows it no longer. So whatever decides on a token by a read also commits something.

/**
 * SQL that proves, once it is committed, that what its transaction reads is that of the primary: see docs/protocol.md,
 * "Failovers of Postgres". It writes a message to the log of Postgres, and to no table. Where no commit waits for a
 * standby, it does nothing.
 */
export const PROOF = `case when not pg_is_in_recovery() and current_setting('synchronous_standby_names', true) <> ''
  then pg_logical_emit_message(true, 'tokenfence', '') end`;

/** SQL for the columns of `ProvenRow`. */
export const PROVEN = `pg_is_in_recovery() as "isStandby", ${PROOF} as proof`;

export interface ProvenRow {
  readonly isStandby: boolean;
}

/** Throws `SERVICE_UNAVAILABLE` if the answer is that of a standby, which may lag. */
export function refuseStandby({ isStandby }: ProvenRow): void {
  if (isStandby) throw serviceUnavailable(new Error('DATABASE_URL leads to a standby, not to the primary'));
}

/** SQL that tells one server, and one run of it, from another. */
const RUN = 'extract(epoch from pg_postmaster_start_time())::text';

/** SQL for the columns of `UnprovenRow`. */
export const UNPROVEN = `pg_is_in_recovery() as "isStandby", ${RUN} as run,
  current_setting('synchronous_standby_names', true) <> '' as "waitsForStandby"`;

/** What is needed to prove later that an answer is that of the primary. */
export interface UnprovenRow extends ProvenRow {
  readonly run: string;
  /** Null if this Postgres knows no such thing. */
  readonly waitsForStandby: boolean | null;
}

/**
 * Shares one piece of work. A caller that asks while it is under way gets the next one, never one that began before. If
 * the one under way fails, so does the next.
 */
export function createSharedWork<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = () => {
    const begun = work();
    running = begun;
    next = undefined;
    const end = () => {
      if (running === begun) running = undefined;
    };
    begun.then(end, end);
    return begun;
  };
  return () => {
    if (!running) return start();
    next ??= running.then(start);
    return next;
  };
}

/**
 * Returns a function that proves an answer which was read after the caller's request began. The checks of a process share
 * the commits, so that many at once cost no more than one.
 */
export function createProof(manager: Pick<EntityManager, 'query'>): (row: UnprovenRow) => Promise<void> {
  const commit = createSharedWork(async () => {
    const [{ run }] = await manager.query<[{ run: string }]>(`select ${RUN} as run, ${PROOF} as proof`);
    return run;
  });
  return async (row) => {
    refuseStandby(row);
    // The connections of a pool may lead to two servers while an address moves.
    if (row.waitsForStandby === true && (await commit()) !== row.run)
      throw serviceUnavailable(new Error('Two servers answer in the place of one, as during a failover'));
  };
}
