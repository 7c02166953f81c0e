import type { EntityManager } from 'typeorm';
import { keyIdOf } from '../core/key-id';
import type { Fleet, FleetState } from '../core/ports/truth';
import { FleetEntity } from './entities/fleet.entity';
import { run } from './tables';

const toFleet = (row: FleetEntity): Fleet => {
  if (row.signingKeyId === null)
    throw new Error('The database holds no signing key: start the server once to make one.');
  return { globalVersion: row.globalVersion, signingKeyId: keyIdOf(row.databaseId, row.signingKeyId) };
};

export function fleetIn(manager: EntityManager): FleetState {
  const fleet = manager.getRepository(FleetEntity);
  return {
    async read() {
      return toFleet(await fleet.findOneByOrFail({ id: true }));
    },

    async lock() {
      return toFleet(await fleet.findOneOrFail({ where: { id: true }, lock: { mode: 'pessimistic_write' } }));
    },

    async raiseGlobalVersion() {
      const [rows] = await run<[{ global_version: number }[], number]>(
        manager,
        'update {fleet} set global_version = global_version + 1 returning global_version',
      );
      if (!rows[0]) throw new Error('The fleet row is missing: were the migrations run?');
      return rows[0].global_version;
    },
  };
}
