import { createRefusalRecorder } from '../../src/audit/refusal-recorder';
import type { NewAuditEvent } from '../../src/core/account';
import { serviceUnavailable } from '../../src/core/errors';
import { noMetrics } from '../../src/core/ports/metrics';
import { silent } from '../support/silent';

function setUp() {
  let now = 0;
  let failure: Error | undefined;
  const rows: (NewAuditEvent & { age: number })[] = [];
  const statements: number[] = [];
  const notRecorded: string[] = [];
  const recorder = createRefusalRecorder({
    audit: {
      appendAll: async (events) => {
        statements.push(events.length);
        await Promise.resolve();
        if (failure) throw failure;
        rows.push(...events);
      },
    },
    metrics: { ...noMetrics, refusalNotRecorded: (type) => void notRecorded.push(type) },
    clock: { now: () => now, monotonic: () => now },
    logger: silent,
  });
  return {
    recorder,
    rows,
    statements,
    notRecorded,
    pass: (ms: number) => void (now += ms),
    fail: (error: Error | undefined) => void (failure = error),
  };
}

const guess = (ipAddress: string): NewAuditEvent => ({ type: 'LOGIN_FAILED', ipAddress });

test('a flood from one site leaves room for others, and omitted events are counted', async () => {
  const { recorder, rows, notRecorded, pass } = setUp();
  // One customer's IPv6 site, which has any number of addresses.
  for (let i = 0; i < 1000; i++) recorder.record(guess(`2001:db8::${i.toString(16)}`));
  recorder.record(guess('203.0.113.9'));
  recorder.record({ type: 'ACCESS_DENIED', ipAddress: '2001:db8::1' });
  await recorder.tick();
  expect(rows.filter(({ ipAddress }) => ipAddress?.startsWith('2001'))).toHaveLength(21);
  expect(rows.filter(({ ipAddress }) => ipAddress === '203.0.113.9')).toHaveLength(1);
  expect(notRecorded).toHaveLength(980);

  pass(60_000);
  await recorder.tick();
  expect(rows.at(-1)).toMatchObject({
    type: 'REFUSALS_NOT_RECORDED',
    reason: 'Over the limits of one minute: 980 LOGIN_FAILED.',
  });
  recorder.record(guess('2001:db8::1'));
  await recorder.tick();
  expect(rows.at(-1)?.type).toBe('LOGIN_FAILED');
});

test('a flood from all sites at once has a limit as well', async () => {
  const { recorder, rows } = setUp();
  for (let i = 0; i < 10_000; i++) recorder.record(guess(`198.51.${i >> 8}.${i & 255}`));
  await recorder.tick();
  expect(rows).toHaveLength(200);
});

test('events that arrive during a statement share the next statement', async () => {
  const { recorder, rows, statements } = setUp();
  for (let i = 0; i < 15; i++) recorder.record(guess('203.0.113.1'));
  await recorder.tick();
  expect(rows).toHaveLength(15);
  expect(statements).toEqual([1, 14]);
});

test('while the store is unreachable, a bounded number of events waits with their times', async () => {
  const { recorder, rows, statements, pass, fail } = setUp();
  fail(serviceUnavailable());
  for (let minute = 0; minute < 20; minute++) {
    for (let i = 0; i < 500; i++) recorder.record(guess(`198.51.${i >> 8}.${i & 255}`));
    await recorder.tick();
    pass(60_000);
  }
  // One attempt per tick, not one per event.
  expect(statements.length).toBeLessThan(50);
  fail(undefined);
  await recorder.tick();
  expect(rows).toHaveLength(2000);
  expect(rows[0]?.age).toBe(20 * 60_000);
  pass(60_000);
  await recorder.tick();
  expect(rows.at(-1)?.reason).toMatch(/^Over the limits of one minute: \d{4} LOGIN_FAILED\.$/);
});

test('an event that cannot be stored does not block the next ones', async () => {
  const { recorder, rows, fail, notRecorded } = setUp();
  fail(new Error('invalid input'));
  recorder.record(guess('203.0.113.1'));
  await recorder.tick();
  fail(undefined);
  recorder.record(guess('203.0.113.2'));
  await recorder.tick();
  expect(rows.map(({ ipAddress }) => ipAddress)).toEqual(['203.0.113.2']);
  expect(notRecorded).toEqual(['LOGIN_FAILED']);
});

test('closing writes the waiting events and the number left out', async () => {
  const { recorder, rows } = setUp();
  for (let i = 0; i < 25; i++) recorder.record(guess('203.0.113.1'));
  await recorder.close();
  expect(rows).toHaveLength(21);
  expect(rows.at(-1)?.reason).toContain('5 LOGIN_FAILED');
});
