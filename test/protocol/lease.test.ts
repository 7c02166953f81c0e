import { momentOf } from '../../src/core/clock';
import { createLease, outlasting } from '../../src/protocol/lease';

let wall = 1_800_000_000_000;
let monotonic = 5000;
const clock = { now: () => wall, monotonic: () => monotonic };
const pass = (ms: number) => {
  wall += ms;
  monotonic += ms;
};

test('a lease that was never granted does not hold', () => {
  expect(createLease(() => 1000, clock).holds).toBe(false);
});

test('a lease holds for its length, counted from before the request was sent, and ends by itself', () => {
  const lease = createLease(() => 1000, clock);
  const sentAt = momentOf(clock);
  pass(900); // the answer took long
  lease.renew(sentAt);
  expect(lease.holds).toBe(true);
  pass(100);
  expect(lease.holds).toBe(false);
});

test('an answer that arrives after the lease would have ended grants nothing', () => {
  const lease = createLease(() => 1000, clock);
  const sentAt = momentOf(clock);
  pass(5000); // the process was suspended, or Redis was slow
  lease.renew(sentAt);
  expect(lease.holds).toBe(false);
});

test('a late answer to an earlier request does not shorten a lease', () => {
  const lease = createLease(() => 1000, clock);
  const first = momentOf(clock);
  pass(500);
  lease.renew(momentOf(clock));
  lease.renew(first);
  pass(700);
  expect(lease.holds).toBe(true);
});

test('a lease ends while the machine sleeps, although its monotonic clock stands still', () => {
  const lease = createLease(() => 1000, clock);
  lease.renew(momentOf(clock));
  wall += 60_000;
  expect(lease.holds).toBe(false);
});

test('a wall clock that is set back does not make a lease longer', () => {
  const lease = createLease(() => 1000, clock);
  lease.renew(momentOf(clock));
  wall -= 3_600_000;
  monotonic += 1000;
  expect(lease.holds).toBe(false);
});

test('outlasting a lease takes longer than it holds by a clock that is one percent slow', () => {
  for (const length of [100, 1000, 10_000]) expect(outlasting(length)).toBeGreaterThan(length / 0.9901);
});
