import { setTimeout as sleep } from 'node:timers/promises';
import { createHashQueue, type HashQueueLimits } from '../../src/passwords/hash-queue';

const LIMITS: HashQueueLimits = { atOnce: 1, longestQueue: 100, longestShare: 50, longestWait: 60_000 };

/** A queue whose jobs end when the test says, and the names of the started jobs. */
function queueWith(limits: Partial<HashQueueLimits> = {}) {
  const inTurn = createHashQueue({ ...LIMITS, ...limits });
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const outcomes = new Map<string, unknown>();
  return {
    started,
    outcomes,
    ask(name: string, site: string, signal?: AbortSignal) {
      const work = () =>
        new Promise<string>((resolve) => {
          started.push(name);
          ends.push(() => resolve(name));
        });
      const asked = inTurn(work, { site, signal });
      asked.then(
        (answer) => outcomes.set(name, answer),
        (error: unknown) => outcomes.set(name, error),
      );
      return asked;
    },
    /** Ends the running jobs one by one until none is left. */
    async finish() {
      await sleep(0);
      for (let end = ends.shift(); end; end = ends.shift()) {
        end();
        await sleep(0);
      }
    },
  };
}

const refused = (retryAfter: number) => ({ code: 'SERVICE_UNAVAILABLE', details: { retryAfter } });

test('sites take turns, whatever their number of callers', async () => {
  const queue = queueWith();
  for (let i = 0; i < 20; i++) void queue.ask(`flood ${i}`, 'flood');
  void queue.ask('a1', 'a');
  void queue.ask('a2', 'a');
  void queue.ask('b1', 'b');
  await queue.finish();
  expect(queue.started.slice(0, 7)).toEqual(['flood 0', 'flood 1', 'b1', 'a1', 'flood 2', 'a2', 'flood 3']);
  expect(queue.started).toHaveLength(23);
});

test('the only caller of a late site gets a turn soon, even behind many new sites', async () => {
  const queue = queueWith();
  for (let i = 0; i < 90; i++) void queue.ask(`flood ${i}`, `site ${i}`);
  void queue.ask('good', 'home');
  await queue.finish();
  expect(queue.started.indexOf('good')).toBeLessThanOrEqual(2);
  // The oldest callers get turns in between.
  expect(queue.started.indexOf('flood 20')).toBeLessThan(50);
  expect(queue.started).toHaveLength(91);
});

test('at most the set number run at once, even after a failure', async () => {
  const inTurn = createHashQueue({ ...LIMITS, atOnce: 2 });
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await sleep(1);
    running -= 1;
    throw new Error('failed');
  };
  const all = await Promise.allSettled(Array.from({ length: 9 }, () => inTurn(work, { site: 'a' })));
  expect(all.map(({ status }) => status)).toEqual(Array(9).fill('rejected'));
  expect(most).toBe(2);
});

test('a job whose client has gone is not started, and its place is free', async () => {
  const queue = queueWith({ longestQueue: 2 });
  const client = new AbortController();
  void queue.ask('runs', 'a');
  void queue.ask('gone', 'b', client.signal);
  void queue.ask('stays', 'c', new AbortController().signal);
  client.abort();
  void queue.ask('later', 'd');
  await expect(queue.ask('gone before', 'e', client.signal)).rejects.toMatchObject(refused(1));
  await queue.finish();
  expect(queue.started).toEqual(['runs', 'stays', 'later']);
  expect(queue.outcomes.get('gone')).toMatchObject(refused(1));
});

test('a client that goes while its job runs does not affect the others', async () => {
  const queue = queueWith();
  const client = new AbortController();
  void queue.ask('runs', 'a', client.signal);
  void queue.ask('next', 'b');
  client.abort();
  await queue.finish();
  expect([...queue.outcomes.values()]).toEqual(['runs', 'next']);
});

test('a site has a limit of waiting callers', async () => {
  const queue = queueWith({ longestShare: 2, longestWait: 7_000 });
  for (const name of ['runs', '1', '2']) void queue.ask(name, 'a');
  await expect(queue.ask('3', 'a')).rejects.toMatchObject(refused(7));
  void queue.ask('other', 'b');
  await queue.finish();
  expect(queue.started).toEqual(['runs', '1', 'other', '2']);
});

test('a full queue makes room for a site with fewer callers than the largest', async () => {
  const queue = queueWith({ longestQueue: 4, longestWait: 7_000 });
  for (const name of ['runs', '1', '2', '3']) void queue.ask(name, 'flood');
  void queue.ask('a1', 'a');
  void queue.ask('b1', 'b');
  await expect(queue.ask('4', 'flood')).rejects.toMatchObject(refused(7));
  await queue.finish();
  expect(queue.started).toEqual(['runs', '1', 'b1', 'a1', '2']);
  expect(queue.outcomes.get('3')).toMatchObject(refused(7));
});

test('a caller waits at most the longest wait', async () => {
  const queue = queueWith({ longestWait: 20 });
  void queue.ask('runs', 'a');
  await expect(queue.ask('waits', 'b')).rejects.toMatchObject(refused(1));
  await queue.finish();
  expect(queue.started).toEqual(['runs']);
});
