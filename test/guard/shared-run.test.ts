import { sharedRun } from '../../src/guard/shared-run';

test('a caller gets the result of a run that began after it asked, and callers that wait share one run', async () => {
  let runs = 0;
  const finish: (() => void)[] = [];
  const ask = sharedRun(async () => {
    const run = ++runs;
    await new Promise<void>((resolve) => finish.push(resolve));
    return run;
  });
  const first = ask();
  const [second, third] = [ask(), ask()];
  expect(runs).toBe(1);
  finish[0]?.();
  expect(await first).toBe(1);
  while (finish.length < 2) await Promise.resolve();
  finish[1]?.();
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  expect(runs).toBe(2);
});
