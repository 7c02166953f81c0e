import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import type { Asker, Passwords } from '../core/ports/passwords';
import { createHashQueue, type HashMetrics } from './hash-queue';
import { createPolicy, type PolicyNames } from './policy';

/** Argon2id (the library's default) as the OWASP Password Storage Cheat Sheet sets it: 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Beyond these a flood would only make everyone time out, and grow the memory while it does. Times in ms. */
const QUEUE_LIMITS = { longestQueue: 2_000, longestShare: 100, longestWait: 10_000 };

/** Work of the service itself, which no client waits for. */
const NOBODY: Asker = { network: '' };

/**
 * Hashes on the threads of libuv, never on the event loop, a few at a time: the others wait, so that fifty logins at
 * once take longer but neither 1 GB of memory nor every thread that file and DNS work needs.
 */
export function createPasswords(names: PolicyNames, metrics?: HashMetrics): Passwords {
  const atOnce = Math.max(1, Math.min(availableParallelism(), 3));
  const inTurn = createHashQueue({ ...QUEUE_LIMITS, atOnce }, metrics);

  // What an unknown user's password is compared with: as much work as for a known one.
  const decoy = hash('nobody has this password', PARAMETERS);

  return {
    faultOf: createPolicy(names),
    hash: (password, asker = NOBODY) => inTurn(() => hash(password, PARAMETERS), asker),
    matches: (findHash, password, asker) =>
      // Found in the caller's turn: those that wait leave the store to others.
      inTurn(async () => {
        const stored = await findHash();
        const same = await verify(stored ?? (await decoy), password);
        return stored !== undefined && same;
      }, asker),
  };
}
