import { isId } from './claims';

const ID_LENGTH = 36;

/**
 * Returns the id of a signing key, which is the `kid` of its tokens: the database's id, a dot, and the key's id in the
 * table. That id is a name drawn in advance and the thumbprint of the public key (RFC 7638).
 *
 * A signed token thus names the database whose revocations apply to it. A copy of a database holds the same keys; once
 * it has its own id, its keys have other ids, and no token is accepted by both.
 */
export const keyIdOf = (databaseId: string, localId: string): string => `${databaseId}.${localId}`;

/** Returns the id of the database that a key belongs to; `undefined` if the key names none. */
export function databaseOf(keyId: string): string | undefined {
  const databaseId = keyId.slice(0, ID_LENGTH);
  return keyId[ID_LENGTH] === '.' && isId(databaseId) ? databaseId : undefined;
}

/** Returns the id of a key in the table; the whole id if it does not name a database. */
export const localIdOf = (keyId: string): string =>
  databaseOf(keyId) === undefined ? keyId : keyId.slice(ID_LENGTH + 1);
