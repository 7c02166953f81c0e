import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import pLimit from 'p-limit';
import { serviceUnavailable } from '../core/errors';
import type { Passwords } from '../core/ports/passwords';
import { faultOf } from './policy';

/** Argon2id (the library's default) as the OWASP Password Storage Cheat Sheet sets it: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Callers that may wait. Beyond it a flood would only make everyone time out, and grow the memory while it does. */
const LONGEST_QUEUE = 2_000;

/**
 * Hashes on the threads of libuv, never on the event loop, a few at a time: the others wait, so that fifty logins at
 * once take longer but neither 1 GB of memory nor every thread that file and DNS work needs.
 */
export function createPasswords(): Passwords {
  const limit = pLimit(Math.max(1, Math.min(availableParallelism(), 3)));

  const inTurn = <T>(work: () => Promise<T>): Promise<T> =>
    limit.pendingCount >= LONGEST_QUEUE ? Promise.reject(serviceUnavailable()) : limit(work);

  // What an unknown user's password is compared with: as much work as for a known one.
  const decoy = hash('nobody has this password', PARAMETERS);

  return {
    faultOf,
    hash: (password) => inTurn(() => hash(password, PARAMETERS)),
    async matches(stored, password) {
      const against = stored ?? (await decoy);
      const same = await inTurn(() => verify(against, password));
      return stored !== undefined && same;
    },
  };
}
