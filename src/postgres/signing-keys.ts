import type { EntityManager } from 'typeorm';
import type { StoredSigningKey } from '../core/account';
import { keyIdOf, thumbprintOf } from '../core/key-id';
import type { SigningKeys } from '../core/ports/truth';
import { SigningKeyEntity } from './entities/signing-key.entity';
import { readDatabaseId } from './same-database';
import { run } from './tables';

const toSigningKey = (row: SigningKeyEntity, databaseId: string): StoredSigningKey => ({
  id: keyIdOf(databaseId, row.id),
  algorithm: row.algorithm,
  publicKey: row.publicKey,
  sealedPrivateKey: row.sealedPrivateKey,
  createdAt: row.createdAt,
  retiredAt: row.retiredAt ?? undefined,
  revokedAt: row.revokedAt ?? undefined,
});

/** Past this, counted from a key's retirement, no token that it signed is good any more. `$1` is the skew in ms. */
const LAST_TOKEN_EXPIRED = `retired_at + (select longest_token_ttl from {fleet}) * interval '1 second'
  + $1 * interval '1 millisecond' + interval '1 minute'`;

export interface SigningKeysSettings {
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
  /** The id of the database at the start of this process, for one that relies on it. */
  readonly databaseId?: string;
}

/** The table holds keys by their thumbprint alone. Outside of it their ids name the database as well. */
export function signingKeysIn(
  manager: EntityManager,
  { clockSkew, databaseId }: SigningKeysSettings,
): SigningKeys {
  const keys = manager.getRepository(SigningKeyEntity);
  return {
    async list() {
      const ids = await run<{ id: string }[]>(
        manager,
        `select id from {signing_keys} where retired_at is null or ${LAST_TOKEN_EXPIRED} > now()`,
        [2 * clockSkew],
      );
      const rows = await keys.find({ where: ids.map(({ id }) => ({ id })), order: { createdAt: 'DESC' } });
      const current = await readDatabaseId(manager, databaseId);
      return rows.map((row) => toSigningKey(row, current));
    },

    async insert(key) {
      await keys.insert({ ...key });
      const current = await readDatabaseId(manager, databaseId);
      return toSigningKey(await keys.findOneByOrFail({ id: key.id }), current);
    },

    async sign(id) {
      await run(
        manager,
        'update {signing_keys} set retired_at = now() where id = (select signing_key_id from {fleet}) and retired_at is null',
      );
      await run(manager, 'update {fleet} set signing_key_id = $1', [thumbprintOf(id)]);
    },

    async revoke(id) {
      await run(
        manager,
        'update {signing_keys} set revoked_at = now() where id = $1 and revoked_at is null',
        [thumbprintOf(id)],
      );
    },
  };
}

/** Deletes keys whose last token has expired. @param clockSkew ms */
export async function deleteSpentKeys(manager: EntityManager, clockSkew: number): Promise<void> {
  await run(
    manager,
    `delete from {signing_keys} where retired_at is not null and ${LAST_TOKEN_EXPIRED} <= now()`,
    [2 * clockSkew],
  );
}
