import type * as argon2 from '@node-rs/argon2';

/**
 * Most tests sign users in but promise nothing about hashes. Their hashes take 1 ms of processor time instead of 40.
 * A test about hashes calls `jest.unmock('@node-rs/argon2')`.
 */
jest.mock('@node-rs/argon2', () => {
  const actual = jest.requireActual<typeof argon2>('@node-rs/argon2');
  const quick: typeof argon2.hash = (password, options, signal) =>
    actual.hash(password, { ...options, memoryCost: 64, timeCost: 1 }, signal);
  return { ...actual, hash: quick };
});
