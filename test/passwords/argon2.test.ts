import { availableParallelism } from 'node:os';
import { createPasswords } from '../../src/passwords/argon2';

jest.unmock('@node-rs/argon2');

const NAMES = { issuer: 'https://auth.example.com', audience: 'api', serviceName: 'Acme' };

test('a password is hashed with Argon2id, at least at the strength that OWASP recommends', async () => {
  const passwords = createPasswords(NAMES);
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
  const passwords = createPasswords(NAMES);
  let asked = 0;
  let done = 0;
  const find = () => {
    asked += 1;
    // Six have their turn at once, and the end of six others may not be known yet.
    expect(asked - done).toBeLessThanOrEqual(12);
    return Promise.resolve(undefined);
  };
  const attempts = Array.from({ length: 40 }, () =>
    passwords.matches(find, 'wrong password', { site: '192.0.2.0' }).then(() => (done += 1)),
  );
  await Promise.all(attempts);
  expect(asked).toBe(40);
});

test('a few callers whose hashes are read slowly hold up nobody else', async () => {
  const passwords = createPasswords(NAMES);
  const asker = { site: '192.0.2.0' };
  const stored = await passwords.hash('correct horse battery');
  let answer: (hash: string) => void = () => undefined;
  const late = new Promise<string>((resolve) => (answer = resolve));
  const slow = Array.from({ length: Math.min(availableParallelism(), 3) }, () =>
    passwords.matches(() => late, 'correct horse battery', asker),
  );
  expect(await passwords.matches(() => Promise.resolve(stored), 'correct horse battery', asker)).toBe(true);
  answer(stored);
  expect(await Promise.all(slow)).toEqual(slow.map(() => true));
});
