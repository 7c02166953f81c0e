import { Redis } from 'ioredis';
import { eventually } from '../support/eventually';
import { type Proxy, startProxy } from '../support/proxy';
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
  // Ends what Postgres still takes for connections: a silent wire does not say that the node has given them up.
  await proxy.close();
  await world.close();
  await postgres.dispose();
  await redis.dispose();
});

/** Waits until the node has beaten so often that its relay has looked meanwhile. */
const relayHasLooked = async () => {
  const client = new Redis(redis.url);
  const beats = async () => Number(await client.hget((await client.keys('*:epoch'))[0] ?? '', 'beats'));
  const before = await beats();
  // A beat each 333 ms, a look each 500 ms.
  await eventually(async () => expect(await beats()).toBeGreaterThan(before + 4));
  client.disconnect();
};

const ready = async ({ url }: TestNode) => {
  const response = await fetch(`${url}/readyz`);
  return { ...((await response.json()) as object), status: response.status };
};

test('with Postgres down, what Redis knows is served and nothing is half done; then all is as it was', async () => {
  const { accessToken: known } = await node.api.register('known@example.com');
  const { accessToken: unknown } = await node.api.register('unknown@example.com');
  const { accessToken: gone } = await node.api.register('gone@example.com');
  // The answer itself comes from Postgres; what the check made of the token shows in the code.
  for (let i = 0; i < 2; i++) expect((await node.api.me(known)).status).toBe(200);
  for (let i = 0; i < 2; i++) expect((await node.api.me(gone)).status).toBe(200);
  await node.api.end('logout', gone);

  await postgres.kill();
  expect(await ready(node)).toMatchObject({ status: 200, degraded: ['postgres'] });
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');
  // Nor does that change when the relay has looked, which cannot do its work.
  await eventually(() => expect(node.log.join('')).toContain('Postgres cannot be reached'));
  await relayHasLooked();
  const complaints = () => node.log.filter((line) => line.includes('Postgres cannot be reached')).length;
  // An answer that was on its way when Postgres died may have come after the first.
  const before = complaints();
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');
  expect(await ready(node)).toMatchObject({ status: 200, degraded: ['postgres'] });
  expect(await node.api.me(known)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  // There is no record of this one: it cannot be told, which is no reason to drop a session.
  expect(await node.api.me(unknown)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  const failed = await node.api.send('mutation { logoutEverywhere { confirmed } }', {}, known);
  expect(failed).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  expect(failed.headers.get('retry-after')).toBe('1');
  // What failed must not take away what a second attempt needs.
  const cookie = { cookie: `refresh_token=${'x'.repeat(43)}` };
  const logout = await node.api.send('mutation { logout { confirmed } }', {}, known, cookie);
  expect(logout.status).toBe(503);
  expect(logout.headers.getSetCookie()).toEqual([]);
  await expect(node.api.login('known@example.com')).rejects.toThrow('SERVICE_UNAVAILABLE');

  await redis.kill();
  // The view is current until its lease is over.
  await eventually(async () => expect(await ready(node)).toMatchObject({ status: 503 }));
  expect(await node.api.me(known)).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
  // What was known as revoked stays so: that takes no store.
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');

  // Said when it went, not per request.
  expect(complaints()).toBe(before);
  await redis.start();
  await postgres.start();
  await eventually(async () => expect(await ready(node)).toMatchObject({ status: 200, degraded: [] }));
  expect((await node.api.me(known)).data.me.tokenVersion).toBe(1);
  expect((await node.api.me(unknown)).status).toBe(200);
  expect((await node.api.me(gone)).reason).toBe('TOKEN_REVOKED');
});

test('Postgres restarted under way leaves no connection behind that fails', async () => {
  const { accessToken } = await node.api.register('restart@example.com');
  await postgres.kill();
  await postgres.start();
  await eventually(async () => expect((await node.api.me(accessToken)).status).toBe(200));
  const answers = await Promise.all(Array.from({ length: 30 }, () => node.api.me(accessToken)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test('a wire to Postgres that goes silent is given up with every connection on it', async () => {
  const far = await world.node({ DATABASE_URL: proxy.url, DATABASE_POOL_SIZE: '3' });
  const { accessToken } = await far.api.register('silent@example.com');
  proxy.silence();
  const answers = await Promise.all(Array.from({ length: 5 }, () => far.api.me(accessToken)));
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['SERVICE_UNAVAILABLE']));
  proxy.restore();
  await eventually(async () => expect((await far.api.me(accessToken)).status).toBe(200));
});
