import { createBcryptWorkers } from './bcrypt-workers';
import { readHash } from './foreign/read-hash';
import type { StoredHash } from './foreign/stored-hash';

/** The settings of a hash, or nothing if it cannot be compared. */
export function settingsOf(text: string): string | undefined {
  const hash = readHash(text);
  return typeof hash === 'string' ? undefined : hash.settings;
}

/**
 * Creates the function that compares a password with a stored hash of any kind. It returns the settings of the hash that
 * it compared with.
 *
 * @param decoy a hash with our own settings. It takes the place of a missing hash, and of one that costs too much or is
 *   malformed: neither fits any password.
 */
export function createComparison(decoy: string) {
  const bcrypt = createBcryptWorkers();
  const standIn = readHash(decoy) as StoredHash;

  return async (stored: string | undefined, password: string) => {
    const read = stored === undefined ? standIn : readHash(stored);
    const isMissing = stored === undefined || typeof read === 'string';
    const hash = typeof read === 'string' ? standIn : read;
    const same = await hash.compare(password, bcrypt);
    return { fits: same && !isMissing, settings: hash.settings };
  };
}
