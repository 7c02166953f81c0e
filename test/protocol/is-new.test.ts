import { systemClock } from '../../src/core/clock';
import { noMetrics } from '../../src/core/ports/metrics';
import type { LoggedRevocation } from '../../src/core/revocation';
import { isNew } from '../../src/protocol/is-new';
import { View } from '../../src/protocol/view';
import { assembleRevocations, type RevocationsOptions } from '../../src/server/wire-revocation';
import { Teardown } from '../../src/server/teardown';
import { eventually } from '../support/eventually';
import { FakeLog, logged } from '../support/protocol-node';
import { startRedis, type TestServer } from '../support/servers';
import { silent } from '../support/silent';

const MINUTE = 60_000;

const ended = (sessionId: string, revokedAt = Date.now()): LoggedRevocation => ({
  ...logged({ kind: 'SESSION', userId: 'U', sessionId }),
  revokedAt,
});

test('a revocation from before the view was empty is not new, unless it may have been committed since', () => {
  let now = 1_800_000_000_000;
  const view = new View(10, () => now);
  const isNewAt = (age: number) => isNew(ended('S', now - age), view, 5000);
  expect([2 * MINUTE, MINUTE, 20_000, 0].map(isNewAt)).toEqual([false, false, true, true]);
  now += 10 * MINUTE;
  // However late it arrives: the view was empty before it was made.
  expect(isNewAt(9 * MINUTE)).toBe(true);
  view.clear();
  expect(isNewAt(9 * MINUTE)).toBe(false);
  expect(isNewAt(0)).toBe(true);
});

describe('a node that starts', () => {
  let redis: TestServer;
  const teardown = new Teardown();
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await teardown.run();
    await redis.dispose();
  });

  test('announces the old part of the log as not new, and a revocation made while it loads as new', async () => {
    const log = new FakeLog();
    for (let i = 0; i < 500; i++) log.committed.push(ended(`old ${i}`, Date.now() - 10 * MINUTE));
    let load: () => void = () => undefined;
    const loading = new Promise<void>((reached) => {
      log.onRead = () =>
        new Promise((release) => {
          load = release;
          reached();
        });
    });
    const relay = () => Promise.resolve(0);
    const notes = { unconfirmedIds: () => [], areConfirmed: () => true, since: () => [] };
    const { announcements, source } = await assembleRevocations({
      config: {
        store: { mode: 'servers', redisUrl: redis.url },
        viewLimit: 1000,
        revocationLease: 500,
        waitReplicas: 0,
        clockSkew: 5000,
      },
      database: { databaseId: 'test', longestTokenTtl: 900 },
      truth: { relay, log: Object.assign(log, notes) },
      clock: systemClock,
      logger: silent,
      metrics: noMetrics,
      teardown,
    } as unknown as RevocationsOptions);
    const told: [string, boolean][] = [];
    announcements.subscribe((entry, isNew) => {
      if (entry.kind === 'SESSION') told.push([entry.sessionId, isNew]);
    });
    await loading;
    log.committed.push(ended('meanwhile'));
    load();
    await eventually(() => expect(source.state.isCurrent).toBe(true));
    expect(told).toHaveLength(501);
    expect(told.filter(([, isNew]) => isNew)).toEqual([['meanwhile', true]]);
  });
});
