import { availableParallelism } from 'node:os';
import { hash, verify } from '@node-rs/argon2';
import type { Asker, Passwords } from '../core/ports/passwords';
import { createHashQueue, type HashMetrics } from './hash-queue';
import { createPolicy, type PolicyNames } from './policy';

/**
 * Argon2id (the library's default), as the OWASP Password Storage Cheat Sheet recommends: 19 MiB, two passes, one lane.
 */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Longer queues would only make every caller time out, and use more memory. Times in ms. */
const QUEUE_LIMITS = { longestQueue: 2_000, longestShare: 100, longestWait: 10_000 };

/** The asker for work of the server itself. */
const NOBODY: Asker = { site: '' };

/**
 * Hashes on libuv's threads, never on the event loop, and only a few at once. So fifty concurrent logins take longer,
 * but use neither 1 GB of memory nor all threads that file and DNS work needs.
 */
export function createPasswords(names: PolicyNames, metrics?: HashMetrics): Passwords {
  const atOnce = Math.max(1, Math.min(availableParallelism(), 3));
  // While hashes are computed, the stored ones of the next callers are read. Otherwise the processors would wait.
  const ahead = 2 * atOnce;
  const inTurn = createHashQueue({ ...QUEUE_LIMITS, atOnce: ahead }, metrics);
  const inSlot = createHashQueue({ ...QUEUE_LIMITS, atOnce, longestQueue: ahead });
  const compute = <T>(work: () => Promise<T>) => inSlot(work, NOBODY);

  // An unknown user's password is compared with this, so that it takes as long as for a known one.
  const decoy = hash('nobody has this password', PARAMETERS);

  return {
    faultOf: createPolicy(names),
    hash: (password, asker = NOBODY) => inTurn(() => compute(() => hash(password, PARAMETERS)), asker),
    matches: (findHash, password, asker) =>
      // The hash is read when it is the caller's turn: while callers wait, the store is free for others.
      inTurn(async () => {
        const stored = await findHash();
        const compared = stored ?? (await decoy);
        const same = await compute(() => verify(compared, password));
        return stored !== undefined && same;
      }, asker),
  };
}
