import { hashSync } from 'bcryptjs';
import { createBcryptWorkers } from '../../src/passwords/bcrypt-workers';

afterEach(() => jest.useRealTimers());

test('a thread that is ended because it was idle takes no more passwords', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const [compare, hash] = [createBcryptWorkers(), hashSync('a password', 4)];
  expect(await compare('a password', hash)).toBe(true);
  jest.advanceTimersByTime(30_000);
  expect(await compare('a password', hash)).toBe(true);
});
