import { isId } from './claims';

const ID_LENGTH = 36;

/**
 * The id of a signing key, and the `kid` of the tokens that it signs: the id of the database that holds it, a dot, and the
 * name that the table of keys has for it: a name that was drawn ahead, and the thumbprint of the public key (RFC 7638).
 *
 * So each token names the database whose revocations concern it, under the signature that proves it. A copy of a database
 * holds the same keys. As soon as the copy has an id of its own, its keys have other ids, and no token is good in both.
 */
export const keyIdOf = (databaseId: string, localId: string): string => `${databaseId}.${localId}`;

/** The id of the database that a key belongs to; `undefined` for a key that names none. */
export function databaseOf(keyId: string): string | undefined {
  const databaseId = keyId.slice(0, ID_LENGTH);
  return keyId[ID_LENGTH] === '.' && isId(databaseId) ? databaseId : undefined;
}

/** What the table of keys has for the id of a key; for a key that names no database, the id itself. */
export const localIdOf = (keyId: string): string =>
  databaseOf(keyId) === undefined ? keyId : keyId.slice(ID_LENGTH + 1);
