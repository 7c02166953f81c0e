import { readArgon2 } from './argon2';
import { readBcrypt } from './bcrypt';
import { readPbkdf2 } from './pbkdf2';
import { readFirebaseScrypt, readScrypt } from './scrypt';
import type { ReadHash, StoredHash } from './stored-hash';

/** Characters of a hash. Those in use have at most 350. */
const LONGEST_TEXT = 1000;

/** ms of estimated work for one comparison, on a slow processor */
const MOST_WORK = 2000;

/** bytes for one comparison: several run at once */
const MOST_MEMORY = 132 * 1024 * 1024;

const MIB = 1024 * 1024;

const READERS: readonly ReadHash[] = [readArgon2, readBcrypt, readScrypt, readFirebaseScrypt, readPbkdf2];

/** Says what a hash costs too much; `undefined` if it may be compared. Nothing is computed. */
function excessOf({ work, memory }: StoredHash): string | undefined {
  if (memory > MOST_MEMORY)
    return `needs ${Math.ceil(memory / MIB)} MiB of memory; at most ${MOST_MEMORY / MIB} MiB are allowed`;
  if (work > MOST_WORK)
    return `would take about ${Math.ceil(work / 1000)} s; at most ${MOST_WORK / 1000} s are allowed`;
  return undefined;
}

/** Reads a hash of any kind that may be compared, or says what is wrong with it, in the words after "the hash". */
export function readHash(text: string): StoredHash | string {
  if (text.length > LONGEST_TEXT) return 'is too long';
  for (const read of READERS) {
    const hash = read(text);
    if (hash) return excessOf(hash) ?? hash;
  }
  return 'is of an unknown kind, or malformed';
}
