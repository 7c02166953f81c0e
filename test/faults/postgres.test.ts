import { eventually } from '../support/eventually';
import { readinessOf } from '../support/probes';
import { type Proxy, startProxy } from '../support/proxy';
import { withRedis } from '../support/redis';
import { startPostgres, startRedis, type TestServer } from '../support/servers';
import { createWorld, type TestNode, type World } from '../support/world';

let postgres: TestServer;
let redis: TestServer;
let proxy: Proxy;
let world: World;
let node: TestNode;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  world = await createWorld({ postgres: postgres.url, redis: redis.url });
  proxy = await startProxy(world.databaseUrl);
  node = await world.node();
});
afterAll(async () => {
  await world.stop();
  // Ends the connections that Postgres still believes in: a silent wire does not report that the node closed them.
  await proxy.close();
  await world.close();
  await postgres.dispose();
  await redis.dispose();
});

/** Waits for so many heartbeats of the node that its relay has run meanwhile. */
const relayHasLooked = () =>
  withRedis(redis.url, async (client) => {
    const beats = async () => Number(await client.hget((await client.keys('*:epoch'))[0] ?? '', 'beats'));
    const before = await beats();
    // A heartbeat comes every 333 ms, and the relay runs every 500 ms.
    await eventually(async () => expect(await beats()).toBeGreaterThan(before + 4));
  });

test('without Postgres, revoked tokens are refused, mutations fail whole, and the node recovers', async () => {
  const { accessToken: known } = await node.api.register('known@example.com');
  const { accessToken: unknown } = await node.api.register('unknown@example.com');
  const { accessToken: gone } = await node.api.register('gone@example.com');
  // The answer comes from Postgres. The code shows the result of the check.
  for (let i = 0; i < 2; i++) expect((await node.api.me(known)).status).toBe(200);
  for (let i = 0; i < 2; i++) expect((await node.api.me(gone)).status).toBe(200);
  await node.api.end('logout', gone);

  await postgres.kill();
  expect(await readinessOf(node)).toMatchObject({ status: 200, degraded: ['postgres'] });
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');
  // The same after the relay has run, which cannot do its work.
  await eventually(() => expect(node.log.join('')).toContain('Postgres cannot be reached'));
  await relayHasLooked();
  const complaints = () => node.log.filter((line) => line.includes('Postgres cannot be reached')).length;
  // An answer that was on its way when Postgres died may have arrived after the first complaint.
  const before = complaints();
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');
  expect(await readinessOf(node)).toMatchObject({ status: 200, degraded: ['postgres'] });
  expect(await node.api.me(known)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  // This user has no record, so the check gives no result. That must not end a session.
  expect(await node.api.me(unknown)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  const failed = await node.api.send('mutation { logoutEverywhere { confirmed } }', {}, known);
  expect(failed).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  expect(failed.headers.get('retry-after')).toBe('1');
  // A failed logout must keep the cookie, which a second attempt needs.
  const cookie = { cookie: `refresh_token=${'x'.repeat(84)}` };
  const logout = await node.api.send('mutation { logout { confirmed } }', {}, known, cookie);
  expect(logout.status).toBe(503);
  expect(logout.headers.getSetCookie()).toEqual([]);
  await expect(node.api.login('known@example.com')).rejects.toThrow('SERVICE_UNAVAILABLE');

  await redis.kill();
  // The view stays current until its lease ends.
  await eventually(async () => expect(await readinessOf(node)).toMatchObject({ status: 503 }));
  expect(await node.api.me(known)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  // A token known as revoked stays revoked: that needs no store.
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');

  // Logged once, not per request.
  expect(complaints()).toBe(before);
  await redis.start();
  await postgres.start();
  await eventually(async () => expect(await readinessOf(node)).toMatchObject({ status: 200, degraded: [] }));
  expect((await node.api.me(known)).data.me.tokenVersion).toBe(1);
  expect((await node.api.me(unknown)).status).toBe(200);
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');
});

test('a restart of Postgres leaves no broken connection in the pool', async () => {
  const { accessToken } = await node.api.register('restart@example.com');
  await postgres.kill();
  await postgres.start();
  await eventually(async () => expect((await node.api.me(accessToken)).status).toBe(200));
  const answers = await Promise.all(Array.from({ length: 30 }, () => node.api.me(accessToken)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test('a silent wire to Postgres is given up, with every connection on it', async () => {
  const far = await world.node({ DATABASE_URL: proxy.url, DATABASE_POOL_SIZE: '3' });
  const { accessToken } = await far.api.register('silent@example.com');
  proxy.silence();
  const answers = await Promise.all(Array.from({ length: 5 }, () => far.api.me(accessToken)));
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']));
  proxy.restore();
  await eventually(async () => expect((await far.api.me(accessToken)).status).toBe(200));
});
