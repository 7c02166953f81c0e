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

test('it holds for its length, counted from before the request was sent, and ends by itself', () => {
  const lease = createLease(() => 1000, clock);
  const sentAt = momentOf(clock);
  pass(900); // the answer was long under way
  lease.renew(sentAt);
  expect(lease.holds).toBe(true);
  pass(100);
  expect(lease.holds).toBe(false);
});

test('an answer that comes after its time grants nothing', () => {
  const lease = createLease(() => 1000, clock);
  const sentAt = momentOf(clock);
  pass(5000); // the process was suspended, or Redis was slow
  lease.renew(sentAt);
  expect(lease.holds).toBe(false);
});

test('an answer that was overtaken does not shorten it', () => {
  const lease = createLease(() => 1000, clock);
  const first = momentOf(clock);
  pass(500);
  lease.renew(momentOf(clock));
  lease.renew(first);
  pass(700);
  expect(lease.holds).toBe(true);
});

test('it ends in a machine that slept, though its monotonic clock stood still', () => {
  const lease = createLease(() => 1000, clock);
  lease.renew(momentOf(clock));
  wall += 60_000;
  expect(lease.holds).toBe(false);
});

test('a wall clock that is set back does not make it longer', () => {
  const lease = createLease(() => 1000, clock);
  lease.renew(momentOf(clock));
  wall -= 3_600_000;
  monotonic += 1000;
  expect(lease.holds).toBe(false);
});

test('who outlasts it waits longer than it can hold by a clock that is one percent slow', () => {
  for (const length of [100, 1000, 10_000]) expect(outlasting(length)).toBeGreaterThan(length / 0.9901);
});
