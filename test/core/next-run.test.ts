import { nextRun } from '../../src/core/next-run';

test('a caller gets the result of a run that began after it asked, and callers that wait share one run', async () => {
  let runs = 0;
  const turns: (() => void)[] = [];
  const ask = nextRun(
    () => new Promise<void>((resolve) => turns.push(resolve)),
    () => Promise.resolve(++runs),
  );
  const [first, second] = [ask(), ask()];
  expect(turns).toHaveLength(1);
  expect(runs).toBe(0);
  turns[0]?.();
  expect(await Promise.all([first, second])).toEqual([1, 1]);
  const third = ask();
  turns[1]?.();
  expect(await third).toBe(2);
});

test('a turn that fails begins the next run all the same', async () => {
  const ask = nextRun(
    () => Promise.reject(new Error('The run before this one failed.')),
    () => Promise.resolve('done'),
  );
  expect(await ask()).toBe('done');
  expect(await ask()).toBe('done');
});
