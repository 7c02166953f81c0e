import { createHash, randomBytes } from 'node:crypto';
import { localIdOf } from './key-id';

/**
 * The id of a signing key contains a name that was drawn long before the key was made. The key set publishes the hashes
 * of the next names. So a service can tell the id of a key newer than its key set from an invented one: only the auth
 * server knows a name with one of these hashes.
 */
const NAME_BYTES = 12;
const NAME_LENGTH = (NAME_BYTES * 4) / 3;

/** How many names are drawn in advance: a service may miss this many rotations between two reads of the key set. */
export const NAMES_AHEAD = 4;

export const drawKeyName = (): string => randomBytes(NAME_BYTES).toString('base64url');

/** Hashes a name, as the key set publishes it. */
export const hashOfKeyName = (name: string): string => createHash('sha256').update(name).digest('base64url');

/** Returns the hash that the key set would have published for a key with this id. */
export const hashInKeyId = (keyId: string): string => hashOfKeyName(localIdOf(keyId).slice(0, NAME_LENGTH));
