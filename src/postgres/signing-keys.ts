import type { EntityManager } from 'typeorm';
import type { StoredSigningKey } from '../core/account';
import { keyIdOf, localIdOf } from '../core/key-id';
import { drawKeyName, NAMES_AHEAD } from '../core/key-names';
import type { SigningKeys } from '../core/ports/truth';
import type { SigningKeyEntity } from './entities/signing-key.entity';
import { onlyRow, readDatabaseId, SIGNING_NOW } from './fleet';
import { run } from './tables';

const COLUMNS = `id, algorithm, public_key as "publicKey", sealed_private_key as "sealedPrivateKey",
  created_at as "createdAt", retired_at as "retiredAt", revoked_at as "revokedAt"`;

const toSigningKey = (row: SigningKeyEntity, databaseId: string): StoredSigningKey => ({
  id: keyIdOf(databaseId, row.id),
  algorithm: row.algorithm,
  publicKey: row.publicKey,
  sealedPrivateKey: row.sealedPrivateKey,
  createdAt: row.createdAt,
  retiredAt: row.retiredAt ?? undefined,
  revokedAt: row.revokedAt ?? undefined,
});

/** SQL: whether no token of a retired key is accepted any more. `$1` is twice the skew in ms. */
export const IS_SPENT = `retired_at + (select longest_token_ttl from {fleet}) * interval '1 second'
  + $1 * interval '1 millisecond' + interval '1 minute' <= now()`;

const NAMES = 'select upcoming_key_names as names from {fleet}';

function keyNamesIn(manager: EntityManager): Pick<SigningKeys, 'names' | 'drawNames' | 'takeName'> {
  const read = async (text: string) => onlyRow(await run<{ names: string[] }[]>(manager, text)).names;
  const write = (names: string[]) =>
    run<unknown>(manager, 'update {fleet} set upcoming_key_names = $1::text[]', [names]);
  return {
    names: () => read(NAMES),

    async drawNames() {
      const names = await read(`${NAMES} for update`);
      const missing = NAMES_AHEAD - names.length;
      if (missing > 0) await write([...names, ...Array.from({ length: missing }, drawKeyName)]);
    },

    async takeName() {
      const [name = drawKeyName(), ...rest] = await read(`${NAMES} for update`);
      await write([...rest, drawKeyName()]);
      return name;
    },
  };
}

export interface SigningKeysSettings {
  /** ms by which clocks may differ. */
  readonly clockSkew: number;
  /** The id of the database at the start of this process, if it relies on that. */
  readonly databaseId?: string;
}

/** Reads and writes keys. In the table an id does not name the database; outside of it, it does. */
export function signingKeysIn(
  manager: EntityManager,
  { clockSkew, databaseId }: SigningKeysSettings,
): SigningKeys {
  return {
    ...keyNamesIn(manager),

    async list() {
      const rows = await run<SigningKeyEntity[]>(
        manager,
        `select ${COLUMNS} from {signing_keys} where (${IS_SPENT}) is not true order by created_at desc`,
        [2 * clockSkew],
      );
      const current = await readDatabaseId(manager, databaseId);
      return rows.map((row) => toSigningKey(row, current));
    },

    async insert({ id, algorithm, publicKey, sealedPrivateKey }) {
      const rows = await run<[SigningKeyEntity]>(
        manager,
        `insert into {signing_keys} (id, algorithm, public_key, sealed_private_key) values ($1, $2, $3, $4)
         returning ${COLUMNS}`,
        [id, algorithm, publicKey, sealedPrivateKey],
      );
      return toSigningKey(rows[0], await readDatabaseId(manager, databaseId));
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
      return onlyRow(rows).now;
    },

    async signLater(id, lead) {
      const [rows] = await run<[{ next_signs_from: Date }[], number]>(
        manager,
        `update {fleet} f set signing_key_id = ${SIGNING_NOW}, next_signing_key_id = $1,
           next_signs_from = now() + $2 * interval '1 millisecond'
         returning next_signs_from`,
        [localIdOf(id), lead],
      );
      const signsFrom = onlyRow(rows).next_signs_from;
      await run(
        manager,
        `update {signing_keys} set retired_at = now() + $2 * interval '1 millisecond'
         where id <> $1 and retired_at is null`,
        [localIdOf(id), lead],
      );
      return signsFrom;
    },
  };
}
