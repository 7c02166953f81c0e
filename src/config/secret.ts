import type { Faults } from './settings';

const SHORTEST_SECRET = 32;
const FEWEST_CHARACTERS = 12;

/** Checks that a secret is long and random enough. */
export function checkSecret(name: string, secret: string, faults: Faults): void {
  if (
    secret.length < SHORTEST_SECRET ||
    new Set(secret).size < FEWEST_CHARACTERS ||
    /change.?me|replace/i.test(secret)
  ) {
    faults.add(
      `${name} is too weak. Use at least ${SHORTEST_SECRET} random characters, for example from: openssl rand -base64 32`,
    );
  }
}
