import { type Clock, systemClock } from '../../src/core/clock';
import { eventually } from '../support/eventually';
import { metricsOf, readinessOf } from '../support/probes';
import { shared, sharedWorld } from '../support/shared';
import type { TestNode } from '../support/world';

const HOUR = 3_600_000;
const ahead = (ms: number): Clock => ({
  now: () => Date.now() + ms,
  monotonic: () => systemClock.monotonic(),
});

const world = sharedWorld();
const node = shared(() => world.node());
const early = shared(() => world.node({}, ahead(HOUR)));

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { iat: number; exp: number };

test('a token signed by a node whose clock is ahead is refused by the others', async () => {
  const { accessToken, refreshToken } = await early.api.register('early@example.com');
  expect(await node.api.me(accessToken)).toMatchObject({ status: 401, reason: 'TOKEN_INVALID' });
  // The session is sound: another node issues a good token for it.
  const { data } = await node.api.refresh(refreshToken);
  expect((await node.api.me(data.refresh.accessToken)).status).toBe(200);
});

test('no clock makes a token live longer than the log keeps its revocation', async () => {
  const signedIn = await early.api.register('longest@example.com');
  const renewed = await early.api.refreshed(signedIn);
  const { accessToken: good } = await node.api.refreshed(renewed);
  await node.api.end(`logoutSession(sessionId: "${signedIn.session.id}")`, good);
  const [{ kept }] = (await world.sql<{ kept: number }>(
    'select extract(epoch from max(expires_at))::float8 as kept from revocations',
  )) as [{ kept: number }];
  // A node may accept a token for five minutes after its exp.
  for (const { accessToken } of [signedIn, renewed])
    expect(claimsOf(accessToken).exp + 300).toBeLessThanOrEqual(kept);
});

test('a wrong clock is logged, shown at /readyz and in the metrics, and the node stays ready', async () => {
  expect(early.log.filter((line) => line.includes('ahead of the clock of Postgres'))).toHaveLength(1);
  await eventually(async () =>
    expect(await readinessOf(early)).toMatchObject({ status: 200, degraded: ['clock'] }),
  );
  const offsetOf = async (of: TestNode) => (await metricsOf(of)).value('clock_offset_seconds') ?? NaN;
  expect(Math.abs((await offsetOf(early)) - HOUR / 1000)).toBeLessThan(5);
  expect(Math.abs(await offsetOf(node))).toBeLessThan(5);
  expect(node.log.some((line) => line.includes('the clock of Postgres'))).toBe(false);
  await eventually(async () => expect(await readinessOf(node)).toMatchObject({ degraded: [] }));
});

test('a node whose clock is behind accepts no token that the log has forgotten', async () => {
  const late = await world.node({}, ahead(-HOUR));
  const unseen = await world.node({ REVOCATION_VIEW_LIMIT: '0' }, ahead(-HOUR));
  const { accessToken } = await late.api.register('late@example.com');
  const { iat, exp } = claimsOf(accessToken);
  expect(exp - iat).toBe(900);
  // By every other clock it expired long ago, and its revocation would be forgotten by now.
  await eventually(async () => expect(await readinessOf(late)).toMatchObject({ view: 'current' }));
  for (const each of [late, unseen])
    for (let i = 0; i < 3; i++)
      expect(await each.api.me(accessToken)).toMatchObject({ status: 401, reason: 'TOKEN_EXPIRED' });
});
