import { availableParallelism } from 'node:os';
import { hash } from '@node-rs/argon2';
import type { Asker, Passwords } from '../core/ports/passwords';
import { createComparison, settingsOf } from './compare';
import { EvenOut } from './even-out';
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
 * Hashes in other threads, never on the event loop, and only a few at once. So fifty concurrent logins take longer, but
 * use neither 1 GB of memory nor all threads that file and DNS work needs.
 *
 * New hashes are Argon2id. Stored ones may also be of another kind: they were imported.
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
  const comparison = decoy.then(createComparison);
  const ownSettings = decoy.then(settingsOf);
  const evenOut = new EvenOut();

  /** Compares, and returns when it began. */
  const compare = async (stored: string | undefined, password: string) => {
    const compareWith = await comparison;
    const begun = performance.now();
    const { fits, settings } = await compareWith(stored, password);
    if (settings !== (await ownSettings)) evenOut.note(settings, performance.now() - begun);
    return { fits, begun };
  };

  return {
    faultOf: createPolicy(names),
    hash: (password, asker = NOBODY) => inTurn(() => compute(() => hash(password, PARAMETERS)), asker),
    async matches(findHash, password, asker) {
      // The hash is read when it is the caller's turn: while callers wait, the store is free for others.
      const { fits, begun } = await inTurn(async () => {
        const stored = await findHash();
        return compute(() => compare(stored, password));
      }, asker);
      if (!fits) await evenOut.wait(begun);
      return fits;
    },
    isCurrent: async (stored) => settingsOf(stored) === (await ownSettings),
  };
}
