import { createPasswords } from '../../src/passwords/argon2';

jest.unmock('@node-rs/argon2');

test('a password is hashed with Argon2id, at least at the strength that OWASP recommends', async () => {
  const passwords = createPasswords({ issuer: 'https://auth.example.com', audience: 'api' });
  const hash = await passwords.hash('correct horse battery');
  const [, memory, passes, lanes] =
    /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$/.exec(hash)?.map(Number) ?? [];
  expect(memory).toBeGreaterThanOrEqual(19 * 1024);
  expect(passes).toBeGreaterThanOrEqual(2);
  expect(lanes).toBe(1);

  const asker = { site: '192.0.2.0' };
  expect(await passwords.matches(() => Promise.resolve(hash), 'correct horse battery', asker)).toBe(true);
  expect(await passwords.matches(() => Promise.resolve(hash), 'correct horse batterz', asker)).toBe(false);
  // An unknown user, even with the password of the stand-in hash.
  expect(await passwords.matches(() => Promise.resolve(undefined), 'nobody has this password', asker)).toBe(
    false,
  );
});

test('a hash is read only when its caller’s turn comes, so waiting callers read no store', async () => {
  const passwords = createPasswords({ issuer: 'https://auth.example.com', audience: 'api' });
  let asked = 0;
  let done = 0;
  const find = () => {
    asked += 1;
    // Three run at once, and the end of three others may not be known yet.
    expect(asked - done).toBeLessThanOrEqual(6);
    return Promise.resolve(undefined);
  };
  const attempts = Array.from({ length: 20 }, () =>
    passwords.matches(find, 'wrong password', { site: '192.0.2.0' }).then(() => (done += 1)),
  );
  await Promise.all(attempts);
  expect(asked).toBe(20);
});
