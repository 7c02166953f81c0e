import { background } from '../../src/core/background';
import { serviceUnavailable } from '../../src/core/errors';
import { createLoop } from '../../src/core/loop';
import type { Logger } from '../../src/core/ports/logger';

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Work that goes on until the test ends it. */
function heldWork() {
  const ends: (() => void)[] = [];
  return {
    runs: () => ends.length,
    end: (run: number) => ends[run]!(),
    work: () => new Promise<void>((resolve) => ends.push(resolve)),
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a loop that is woken while it runs runs once more, however often it was woken', async () => {
  const held = heldWork();
  const loop = createLoop(held.work);
  loop.wake();
  for (let i = 0; i < 3; i++) loop.wake();
  expect(held.runs()).toBe(1);
  held.end(0);
  await turn();
  expect(held.runs()).toBe(2);
  held.end(1);
  await turn();
  expect(held.runs()).toBe(2);
  loop.wake();
  expect(held.runs()).toBe(3);
});

test('a loop stops when the work under way has ended, and does not run again', async () => {
  const held = heldWork();
  const loop = createLoop(held.work);
  loop.wake();
  loop.wake();
  let hasStopped = false as boolean;
  const stopping = loop.stop().then(() => (hasStopped = true));
  await turn();
  expect(hasStopped).toBe(false);
  held.end(0);
  await stopping;
  loop.wake();
  expect(held.runs()).toBe(1);
});

test('background work never rejects; it logs every error except that a store cannot be reached', async () => {
  const logged: unknown[] = [];
  const logger: Logger = {
    ...silent,
    error: (fields, message) => logged.push([fields, message]),
  };
  const fault = new Error('a fault');
  await background(logger, 'It failed.', () => Promise.reject(serviceUnavailable()))();
  expect(logged).toEqual([]);
  await background(logger, 'It failed.', () => Promise.reject(fault))();
  expect(logged).toEqual([[{ err: fault }, 'It failed.']]);
});
