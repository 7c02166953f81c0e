import type { EntityManager } from 'typeorm';

/** What nodes on one database must agree upon, or must tell each other. */
export interface FleetSettings {
  readonly usesRedis: boolean;
  /** s */
  readonly accessTokenTtl: number;
}

/**
 * Records this node's settings, and answers the id of the database. Answers nothing, and records nothing, when the
 * others were started with the opposite of `usesRedis`: a node that reads only Postgres would confirm what a node that
 * reads Redis has not seen.
 */
export async function agreeOn(settings: FleetSettings, manager: EntityManager): Promise<string | undefined> {
  const [rows] = await manager.query<[{ database_id: string }[], number]>(
    `update fleet set uses_redis = $1, longest_token_ttl = greatest(longest_token_ttl, $2)
     where uses_redis is null or uses_redis = $1 returning database_id`,
    [settings.usesRedis, settings.accessTokenTtl],
  );
  return rows[0]?.database_id;
}

/** Lets nodes with the other setting start. To be called only while no node runs. */
export async function switchRedis(usesRedis: boolean, manager: EntityManager): Promise<void> {
  await manager.query('update fleet set uses_redis = $1', [usesRedis]);
  // Without copies nothing is left to carry: being committed is being confirmed.
  if (!usesRedis)
    await manager.query('update revocations set confirmed_at = now() where confirmed_at is null');
}

/** Parts with all that copies hold, as after the database was restored from a backup: its counters have gone back. */
export async function partWithCopies(manager: EntityManager): Promise<void> {
  await manager.query('update fleet set database_id = gen_random_uuid()');
}
