import type { EntityManager } from 'typeorm';
import { serviceUnavailable } from '../core/errors';
import { keyIdOf } from '../core/key-id';
import type { Fleet, FleetState } from '../core/ports/fleet';
import { type ProvenRow, PROVEN, refuseStandby } from './primary';
import { type InJson, run } from './tables';

/** SQL for the key that signs now. A key that was published in advance takes over by the clock of Postgres. */
export const SIGNING_NOW =
  'case when f.next_signs_from <= now() then f.next_signing_key_id else f.signing_key_id end';

export interface FleetRow {
  readonly database_id: string;
  readonly global_version: number;
  readonly signing_key_id: string | null;
  readonly next_key_id: string | null;
  readonly next_signs_from: Date | null;
  readonly now: number;
}

// The clock is read with the version, so that a token's lifetime starts no earlier than the version it carries.
export const FLEET_COLUMNS = `f.database_id, f.global_version, ${SIGNING_NOW} as signing_key_id,
  case when f.next_signs_from > now() then f.next_signing_key_id end as next_key_id, f.next_signs_from,
  extract(epoch from clock_timestamp())::float8 * 1000 as now`;
const LOCK = `select ${FLEET_COLUMNS} from {fleet} f for update`;

/** Returns the one row of `fleet`. */
export function onlyRow<Row>([row]: readonly Row[]): Row {
  if (!row) throw new Error('The fleet row is missing. Start the server once to run the migrations.');
  return row;
}

/** Makes the error for a node that finds another database in the place of its own. */
export const anotherDatabase = () =>
  serviceUnavailable(new Error('DATABASE_URL points to another database than when this process started'));

/**
 * Reads the id of the database. A backup may be restored under a running node, or `DATABASE_URL` may point elsewhere
 * after a failover; then nothing read here may be mixed with what was read before.
 *
 * Also proves that this is the primary. In a transaction, the proof is its commit.
 *
 * @param expected the id at the start of the process; left out if the process has read nothing before
 * @throws `SERVICE_UNAVAILABLE` if the id is another one, or at a standby
 */
export async function readDatabaseId(manager: EntityManager, expected: string | undefined): Promise<string> {
  const row = onlyRow(
    await run<({ database_id: string } & ProvenRow)[]>(manager, `select database_id, ${PROVEN} from {fleet}`),
  );
  refuseStandby(row);
  if (expected !== undefined && row.database_id !== expected) throw anotherDatabase();
  return row.database_id;
}

export function toFleet(row: FleetRow | InJson<FleetRow>): Fleet {
  const { signing_key_id: signingKeyId, next_key_id: nextId, next_signs_from: signsFrom } = row;
  if (signingKeyId === null)
    throw new Error('The database has no signing key. Start the server once to create one.');
  return {
    globalVersion: row.global_version,
    signingKeyId: keyIdOf(row.database_id, signingKeyId),
    nextKey:
      nextId !== null && signsFrom !== null
        ? { id: keyIdOf(row.database_id, nextId), signsFrom: new Date(signsFrom) }
        : undefined,
    now: Math.round(row.now),
  };
}

export const fleetIn = (manager: EntityManager): FleetState => ({
  lock: async () => toFleet(onlyRow(await run<FleetRow[]>(manager, LOCK))),
});
