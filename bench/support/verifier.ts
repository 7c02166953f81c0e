import { hash, verify } from '@node-rs/argon2';
import { availableParallelism } from 'node:os';
import { ARGON2, PASSWORD } from './settings';

/** How long to verify passwords, in ms. */
export interface VerifierOrder {
  readonly duration: number;
}

export interface VerifierResult {
  /** a second */
  readonly rate: number;
}

/** Verifies a password again and again, one on each processor, as the server's queue does. */
async function run({ duration }: VerifierOrder): Promise<VerifierResult> {
  const stored = await hash(PASSWORD, ARGON2);
  let verified = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      while (performance.now() - startedAt < duration) {
        await verify(stored, PASSWORD);
        verified += 1;
      }
    }),
  );
  return { rate: (verified * 1000) / (performance.now() - startedAt) };
}

process.on('message', (order: VerifierOrder) => {
  run(order).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
