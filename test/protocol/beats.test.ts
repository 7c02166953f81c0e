import { untold } from '../../src/core/availability';
import { systemClock } from '../../src/core/clock';
import { serviceUnavailable } from '../../src/core/errors';
import type { Beat, LogStream } from '../../src/core/ports/log-stream';
import { createKnownEpoch } from '../../src/protocol/epoch';
import { startHeartbeat } from '../../src/protocol/heartbeat';
import { View } from '../../src/protocol/view';
import { silent } from '../support/silent';

const LEASE = 1000;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const sound: Beat = { tail: 0, filled: true, longestTokenTtl: 900, asOf: 0 };

/** A heartbeat whose Redis is a function, called at each heartbeat but not at probes. */
function heartbeatOn(answer: (count: number) => Promise<Beat>) {
  let count = 0;
  const stream = {
    hello: () => Promise.resolve({ id: 'E', tail: 0, cursor: '0-0', filled: true, lease: LEASE }),
    probe: () => Promise.resolve(sound),
    beat: () => answer((count += 1)),
    leave: () => Promise.resolve(),
  } as Partial<LogStream> as LogStream;
  const source = startHeartbeat({
    stream,
    reader: { readFrom: () => new Promise(() => undefined), reconnect: () => undefined },
    reopen: () => undefined,
    epoch: createKnownEpoch(stream, systemClock),
    view: new View(10, Date.now),
    usesView: true,
    take: () => undefined,
    clock: systemClock,
    logger: silent,
    availability: untold,
    tokenTtl: 0,
  });
  return { source, sent: () => count };
}

/** Lets the time pass in small steps. Answers for how many ms the view was not current. */
async function pass(ms: number, source: ReturnType<typeof heartbeatOn>['source']): Promise<number> {
  let gone = 0;
  for (let i = 0; i < ms; i += 10) {
    await jest.advanceTimersByTimeAsync(10);
    if (!source.state.isCurrent) gone += 10;
  }
  return gone;
}

test('an idle process sends fewer than two and a half heartbeats in a lease', async () => {
  const { source, sent } = heartbeatOn(() => Promise.resolve(sound));
  await pass(LEASE, source);
  const before = sent();
  expect(await pass(100 * LEASE, source)).toBe(0);
  expect(sent() - before).toBeLessThan(250);
  await source.stop();
});

test('a heartbeat that is lost does not end the lease', async () => {
  const { source } = heartbeatOn(async (count) => {
    if (count % 2 === 0) throw serviceUnavailable();
    await new Promise((resolve) => setTimeout(resolve, LEASE / 20));
    return sound;
  });
  await pass(LEASE, source);
  expect(await pass(20 * LEASE, source)).toBe(0);
  const stopping = source.stop();
  await pass(LEASE, source);
  await stopping;
});

test('answers that take almost half a lease do not end it', async () => {
  const { source } = heartbeatOn(
    () => new Promise((resolve) => setTimeout(() => resolve(sound), 0.48 * LEASE)),
  );
  await pass(LEASE, source);
  expect(await pass(20 * LEASE, source)).toBe(0);
  const stopping = source.stop();
  await pass(LEASE, source);
  await stopping;
});

test('after a pause of the process, a check waits for the heartbeat that is overdue, and for nothing else', async () => {
  let isAway = false;
  const { source, sent } = heartbeatOn(() =>
    isAway ? Promise.reject(serviceUnavailable()) : Promise.resolve(sound),
  );
  await pass(LEASE, source);
  const before = sent();
  // Its timers have not run meanwhile.
  jest.setSystemTime(Date.now() + 10 * LEASE);
  expect(source.state.isCurrent).toBe(false);
  const resumed = source.resume?.(LEASE);
  await pass(50, source);
  await resumed;
  expect(source.state.isCurrent).toBe(true);
  expect(sent() - before).toBe(1);
  isAway = true;
  await pass(2 * LEASE, source);
  expect(source.state.isCurrent).toBe(false);
  await source.resume?.(LEASE);
  await source.stop();
});
