import { createProof, createSharedWork } from '../../src/postgres/primary';

test('a commit that began before the check proves nothing for it', async () => {
  const ends: ((value: number) => void)[] = [];
  const share = createSharedWork(() => new Promise<number>((resolve) => ends.push(resolve)));
  const first = share();
  const [second, third] = [share(), share()];
  expect(ends).toHaveLength(1);
  ends[0]!(1);
  expect(await first).toBe(1);
  expect(ends).toHaveLength(2);
  const fourth = share();
  ends[1]!(2);
  expect(await Promise.all([second, third])).toEqual([2, 2]);
  ends[2]!(3);
  expect(await fourth).toBe(3);
});

test('after a failure the next check begins anew', async () => {
  const outcomes = [() => Promise.reject(new Error('away')), () => Promise.resolve('here')];
  const share = createSharedWork(() => outcomes.shift()!());
  const both = [share(), share()];
  for (const each of both) await expect(each).rejects.toThrow('away');
  expect(await share()).toBe('here');
});

const proofFrom = (run: string) => createProof({ query: <T>() => Promise.resolve([{ run }] as T) });

test.each([
  ['of a standby', { isStandby: true, run: 'a', waitsForStandby: false }],
  ['of another server than the commit', { isStandby: false, run: 'b', waitsForStandby: true }],
])('an answer %s is refused', async (_, row) => {
  await expect(proofFrom('a')(row)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

test('where no commit waits for a standby, a check commits nothing', async () => {
  const query = jest.fn();
  await createProof({ query })({ isStandby: false, run: 'a', waitsForStandby: false });
  expect(query).not.toHaveBeenCalled();
});
