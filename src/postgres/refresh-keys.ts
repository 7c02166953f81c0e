import type { EntityManager } from 'typeorm';
import type { RefreshKeys, StoredRefreshKey } from '../core/ports/truth';
import { run } from './tables';

export const refreshKeysIn = (manager: EntityManager): RefreshKeys => ({
  list: () =>
    run<StoredRefreshKey[]>(manager, 'select id, sealed_key as "sealedKey" from {refresh_keys} order by id'),

  async insert({ id, sealedKey }) {
    await run(manager, 'insert into {refresh_keys} (id, sealed_key) values ($1, $2)', [id, sealedKey]);
  },
});
