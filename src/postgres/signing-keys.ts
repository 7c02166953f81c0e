import type { EntityManager } from 'typeorm';
import type { StoredSigningKey } from '../core/account';
import { keyIdOf, localIdOf } from '../core/key-id';
import { drawKeyName, NAMES_AHEAD } from '../core/key-names';
import type { SigningKeys } from '../core/ports/truth';
import { SigningKeyEntity } from './entities/signing-key.entity';
import { FLEET_MISSING, SIGNING_NOW } from './fleet';
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

/** SQL for the time after which no token of a retired key is accepted. `$1` is the skew in ms. */
const LAST_TOKEN_EXPIRED = `retired_at + (select longest_token_ttl from {fleet}) * interval '1 second'
  + $1 * interval '1 millisecond' + interval '1 minute'`;

export interface SigningKeysSettings {
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
  /** The id of the database at the start of this process, if it relies on that. */
  readonly databaseId?: string;
}

const theOne = <Row>([row]: readonly Row[]): Row => {
  if (!row) throw new Error(FLEET_MISSING);
  return row;
};

/** Reads and writes keys. In the table an id does not name the database; outside of it, it does. */
export function signingKeysIn(
  manager: EntityManager,
  { clockSkew, databaseId }: SigningKeysSettings,
): SigningKeys {
  const keys = manager.getRepository(SigningKeyEntity);
  const names = async () => {
    const rows = await run<{ upcoming_key_names: string[] }[]>(
      manager,
      'select upcoming_key_names from {fleet}',
    );
    return theOne(rows).upcoming_key_names;
  };
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
        'update {signing_keys} set retired_at = now() where id <> $1 and (retired_at is null or retired_at > now())',
        [localIdOf(id)],
      );
      const [rows] = await run<[{ now: Date }[], number]>(
        manager,
        `update {fleet} set signing_key_id = $1, next_signing_key_id = null, next_signs_from = null
         returning now() as now`,
        [localIdOf(id)],
      );
      return theOne(rows).now;
    },

    async signLater(id, lead) {
      const [rows] = await run<[{ next_signs_from: Date }[], number]>(
        manager,
        `update {fleet} set signing_key_id = ${SIGNING_NOW}, next_signing_key_id = $1,
           next_signs_from = now() + $2 * interval '1 millisecond'
         returning next_signs_from`,
        [localIdOf(id), lead],
      );
      const signsFrom = theOne(rows).next_signs_from;
      await run(
        manager,
        `update {signing_keys} set retired_at = now() + $2 * interval '1 millisecond'
         where id <> $1 and retired_at is null`,
        [localIdOf(id), lead],
      );
      return signsFrom;
    },

    names,

    async drawNames() {
      const missing = NAMES_AHEAD - (await names()).length;
      if (missing <= 0) return;
      await run(manager, 'update {fleet} set upcoming_key_names = upcoming_key_names || $1::text[]', [
        Array.from({ length: missing }, drawKeyName),
      ]);
    },

    async takeName() {
      const [rows] = await run<[{ upcoming_key_names: string[] }[], number]>(
        manager,
        'update {fleet} set upcoming_key_names = upcoming_key_names || $1::text[] returning upcoming_key_names',
        [[drawKeyName()]],
      );
      const [name = drawKeyName(), ...rest] = theOne(rows).upcoming_key_names;
      await run(manager, 'update {fleet} set upcoming_key_names = $1::text[]', [rest]);
      return name;
    },

    async revoke(id) {
      await run(
        manager,
        'update {signing_keys} set revoked_at = now() where id = $1 and revoked_at is null',
        [localIdOf(id)],
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
