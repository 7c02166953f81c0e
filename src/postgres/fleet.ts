import type { EntityManager } from 'typeorm';
import { keyIdOf } from '../core/key-id';
import type { Fleet, FleetState } from '../core/ports/truth';
import { run } from './tables';

/** SQL for the key that signs now. A key that was published in advance takes over by the clock of Postgres. */
export const SIGNING_NOW =
  'case when next_signs_from <= now() then next_signing_key_id else signing_key_id end';

interface FleetRow {
  readonly database_id: string;
  readonly global_version: number;
  readonly signing_key_id: string | null;
  readonly next_key_id: string | null;
  readonly next_signs_from: Date | null;
  readonly now: number;
}

// The clock is read with the version, so that a token's lifetime starts no earlier than the version it carries.
const SELECT = `
  select database_id, global_version, ${SIGNING_NOW} as signing_key_id,
    case when next_signs_from > now() then next_signing_key_id end as next_key_id, next_signs_from,
    extract(epoch from clock_timestamp())::float8 * 1000 as now
  from {fleet}`;

/** Why a query of the one row of `fleet` found nothing. */
export const FLEET_MISSING = 'The fleet row is missing. Start the server once to run the migrations.';

function toFleet(row: FleetRow | undefined): Fleet {
  if (!row) throw new Error(FLEET_MISSING);
  const { signing_key_id: signingKeyId, next_key_id: nextId, next_signs_from: signsFrom } = row;
  if (signingKeyId === null)
    throw new Error('The database has no signing key. Start the server once to create one.');
  return {
    globalVersion: row.global_version,
    signingKeyId: keyIdOf(row.database_id, signingKeyId),
    nextKey:
      nextId !== null && signsFrom !== null ? { id: keyIdOf(row.database_id, nextId), signsFrom } : undefined,
    now: Math.round(row.now),
  };
}

export function fleetIn(manager: EntityManager): FleetState {
  return {
    async read() {
      const [row] = await run<FleetRow[]>(manager, SELECT);
      return toFleet(row);
    },

    async lock() {
      const [row] = await run<FleetRow[]>(manager, `${SELECT} for update`);
      return toFleet(row);
    },

    async raiseGlobalVersion() {
      const [rows] = await run<[{ global_version: number }[], number]>(
        manager,
        'update {fleet} set global_version = global_version + 1 returning global_version',
      );
      if (!rows[0]) throw new Error(FLEET_MISSING);
      return rows[0].global_version;
    },
  };
}
