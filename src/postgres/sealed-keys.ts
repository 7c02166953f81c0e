import type { EntityManager } from 'typeorm';
import { run } from './tables';

/** A key that is encrypted with the SECRET. */
export interface SealedKey {
  readonly of: 'signing' | 'refresh';
  readonly id: string;
  readonly sealed: string;
}

// With those that no longer verify anything: until they are deleted, a backup has them.
const LIST = `select 'signing' as "of", id, sealed_private_key as sealed from {signing_keys}
  union all select 'refresh', id::text, sealed_key from {refresh_keys} order by 1, 2`;

const REPLACE = {
  signing: 'update {signing_keys} set sealed_private_key = $2 where id = $1',
  refresh: 'update {refresh_keys} set sealed_key = $2 where id = $1::integer',
};

/** Returns every encrypted key. A rotation waits until the transaction ends. */
export async function lockSealedKeys(manager: EntityManager): Promise<SealedKey[]> {
  await run(manager, 'select from {fleet} for update');
  return run<SealedKey[]>(manager, LIST);
}

export async function replaceSealedKey(manager: EntityManager, { of, id, sealed }: SealedKey): Promise<void> {
  await run(manager, REPLACE[of], [id, sealed]);
}
