import type { EntityManager } from 'typeorm';
import { run } from './tables';

/** Settings that the nodes on one database must agree on, or must know of each other. */
export interface FleetSettings {
  readonly usesRedis: boolean;
  readonly isEmbedded: boolean;
  /** ms */
  readonly revocationLease: number;
  /** s */
  readonly accessTokenTtl: number;
}

/** The settings with which nodes on this database last started. */
export interface LastAgreement {
  readonly databaseId: string;
  readonly usesRedis: boolean;
  /** ms; `undefined` until a node with Redis, or of the embedded mode, has started. */
  readonly revocationLease: number | undefined;
}

export type Agreement =
  | {
      readonly agreed: true;
      readonly databaseId: string;
      /** s; the longest access token lifetime that any node was ever set to. */
      readonly longestTokenTtl: number;
      /** ms; in the embedded mode the longest lease of any process. 0 for several nodes without Redis. */
      readonly longestLease: number;
    }
  /** The settings of the other nodes. */
  | ({ readonly agreed: false } & LastAgreement);

export async function lastAgreement(manager: EntityManager): Promise<LastAgreement> {
  const [row] = await run<[{ databaseId: string; usesRedis: boolean; revocationLease: number | null }]>(
    manager,
    `select database_id as "databaseId", uses_redis is true as "usesRedis", revocation_lease as "revocationLease"
     from {fleet}`,
  );
  return { ...row, revocationLease: row.revocationLease ?? undefined };
}

/**
 * Records this node's settings, unless they contradict those of the other nodes. A node that reads only Postgres would
 * confirm revocations that a node with Redis has not seen; so would a node with a shorter lease than the others.
 *
 * In the embedded mode, the lease may change. But an earlier process may have crashed, and its followers may rely on what it
 * granted, so the longest lease is recorded.
 */
export async function agreeOn(settings: FleetSettings, manager: EntityManager): Promise<Agreement> {
  const [[mine]] = await run<[Omit<Extract<Agreement, { agreed: true }>, 'agreed'>[], number]>(
    manager,
    `update {fleet} set uses_redis = $1, longest_token_ttl = greatest(longest_token_ttl, $2),
       revocation_lease = case when $1 then $3 when $4 then greatest(revocation_lease, $3) else revocation_lease end
     where (uses_redis is null or uses_redis = $1)
       and (not $1 or revocation_lease is null or revocation_lease = $3)
     returning database_id as "databaseId", longest_token_ttl as "longestTokenTtl",
       coalesce(revocation_lease, 0) as "longestLease"`,
    [settings.usesRedis, settings.accessTokenTtl, settings.revocationLease, settings.isEmbedded],
  );
  return mine ? { agreed: true, ...mine } : { agreed: false, ...(await lastAgreement(manager)) };
}

/**
 * Lets nodes start with another lease. Call it only while no node runs.
 *
 * @param lease ms
 */
export async function changeLease(lease: number, manager: EntityManager): Promise<void> {
  await recordLease(lease, manager);
  await partWithCopies(manager);
}

/** @param lease ms */
export async function recordLease(lease: number, manager: EntityManager): Promise<void> {
  await run(manager, 'update {fleet} set revocation_lease = $1', [lease]);
}

/** Lets nodes start with or without Redis. Call it only while no node runs. */
export async function switchRedis(usesRedis: boolean, manager: EntityManager): Promise<void> {
  // The lease of the embedded mode binds no node with Redis.
  await run(manager, 'update {fleet} set uses_redis = $1, revocation_lease = null', [usesRedis]);
  // Redis may hold data from an earlier time, which lacks what is revoked without Redis.
  await partWithCopies(manager);
  // Without copies there is nothing to publish: a committed revocation is confirmed.
  if (!usesRedis)
    await run(manager, 'update {revocations} set confirmed_at = now() where confirmed_at is null');
}

/**
 * Gives the database a new id, for example after a backup was restored and its counters went back. What Redis holds
 * under the old id is never read again. A node that still runs finds the new id, and then neither confirms nor loads
 * anything.
 */
export async function partWithCopies(manager: EntityManager): Promise<void> {
  // Names that were taken after the backup belong to keys that are lost.
  await run(manager, "update {fleet} set database_id = gen_random_uuid(), upcoming_key_names = '{}'");
}
