import { createPasswords } from '../../src/passwords/argon2';

jest.unmock('@node-rs/argon2');

test('a password is hashed by Argon2id with at least what the OWASP Password Storage Cheat Sheet asks for', async () => {
  const passwords = createPasswords({ issuer: 'https://auth.example.com', audience: 'api' });
  const hash = await passwords.hash('correct horse battery');
  const [, memory, passes, lanes] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(hash)?.map(Number) ?? [];
  expect(memory).toBeGreaterThanOrEqual(19 * 1024);
  expect(passes).toBeGreaterThanOrEqual(2);
  expect(lanes).toBe(1);

  const asker = { network: '192.0.2.0' };
  expect(await passwords.matches(hash, 'correct horse battery', asker)).toBe(true);
  expect(await passwords.matches(hash, 'correct horse batterz', asker)).toBe(false);
  // Of an unknown user, even with the password that its stand-in was made of.
  expect(await passwords.matches(undefined, 'nobody has this password', asker)).toBe(false);
});
