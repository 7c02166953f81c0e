import { createHash, randomBytes } from 'node:crypto';
import { localIdOf } from './key-id';

/**
 * The id of a signing key has a name in it that was drawn long before there was the key. The key set tells the hashes of
 * the next names. So a service can tell the id of a key that is newer than its key set from one that somebody made up: only
 * the auth server can name what has one of these hashes.
 */
const NAME_BYTES = 12;
const NAME_LENGTH = (NAME_BYTES * 4) / 3;

/** Names that are drawn ahead: as many rotations as a service may miss between two readings of the key set. */
export const NAMES_AHEAD = 4;

export const drawKeyName = (): string => randomBytes(NAME_BYTES).toString('base64url');

/** What the key set tells of a name. */
export const hashOfKeyName = (name: string): string => createHash('sha256').update(name).digest('base64url');

/** What the key set would have told of a key with this id. */
export const hashInKeyId = (keyId: string): string => hashOfKeyName(localIdOf(keyId).slice(0, NAME_LENGTH));
