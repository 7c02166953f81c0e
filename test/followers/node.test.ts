import { createServer } from 'node:http';
import { FOLLOW_CLOSE_CODES } from '../../src/core/follow-messages';
import { createTokenfence } from '../../src/server';
import type { Api } from '../support/api';
import { newEmbeddedFolder } from '../support/embedded-folder';
import { eventually } from '../support/eventually';
import { FOLLOW_OPTIONS, FOLLOW_SECRET, startFollower, tell } from '../support/followers';
import { closeServer, listen } from '../support/listen';
import { startNodeProcess } from '../support/node-process';
import { sharedNodes, sharedWorld } from '../support/shared';
import { refusedWith } from '../support/socket';
import { createWorld, TEST_ENV } from '../support/world';

const ENV = { INTROSPECTION_SECRET: FOLLOW_SECRET };
const world = sharedWorld();
const [node, other] = sharedNodes(world, ENV, ENV);

const newSession = async (api: Api) => {
  const { accessToken, session } = await api.newUser();
  return { id: session.id, end: () => api.end('logout', accessToken) };
};

const metric = async (url: string, name: string): Promise<number | undefined> => {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`tokenfence_${name} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
};

/** Confirmations of the first node because all had applied the revocation. */
const confirmed = async () => (await metric(node.url, 'confirmation_seconds_count{way="applied"}')) ?? 0;

test('a follower gets what was revoked before, and then each revocation before it is confirmed', async () => {
  const [early, here, there] = [
    await newSession(node.api),
    await newSession(node.api),
    await newSession(other.api),
  ];
  await early.end();
  const follower = await startFollower(node.url);
  expect([...follower.known]).toContain(early.id);
  for (const session of [here, there]) {
    expect(await session.end()).toMatchObject({ confirmed: true });
    expect([...follower.known]).toContain(session.id);
  }
  expect(await metric(node.url, 'followers')).toBe(1);
  expect(await metric(node.url, 'followers_lag')).toBe(0);
  expect(await metric(node.url, 'follower_grants_total{answer="GRANTED"}')).toBeGreaterThan(0);
  tell(follower.socket, { type: 'farewell' });
  expect(await follower.socket.closed).toMatchObject({ code: 1000 });
  await eventually(async () => expect(await metric(node.url, 'followers')).toBe(0));
});

test('a confirmation waits for an unwell follower no longer than a lease, and the node stays ready', async () => {
  const follower = await startFollower(other.url);
  const [quick, slow] = [await newSession(node.api), await newSession(node.api)];
  const applied = await confirmed();
  await quick.end();
  expect(await confirmed()).toBe(applied + 1);
  follower.isWell = false;
  expect(await slow.end()).toMatchObject({ confirmed: true });
  expect(await (await fetch(`${other.url}/readyz`)).json()).toMatchObject({
    status: 'ready',
    view: 'current',
  });
  follower.socket.raw.terminate();
  await eventually(async () =>
    expect(await metric(other.url, 'followers_dropped_total{reason="LOST"}')).toBe(1),
  );
});

test('a node that stops asks its followers to leave, takes back what it has granted, and closes', async () => {
  const stopping = await world.node(ENV);
  const follower = await startFollower(stopping.url);
  stopping.announceStop();
  await follower.socket.receive('leaving');
  expect(await refusedWith(stopping.url, FOLLOW_OPTIONS)).toBe(503);
  const closed = stopping.close();
  expect(await follower.socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.STOPPING });
  expect(follower.socket.of('take-back')).toHaveLength(1);
  await closed;
  const session = await newSession(node.api);
  expect(await session.end()).toMatchObject({ confirmed: true });
});

test('a wrong secret is in the audit log', async () => {
  expect(await refusedWith(node.url, { ...FOLLOW_OPTIONS, headers: { authorization: 'Bearer no' } })).toBe(
    401,
  );
  await eventually(async () => {
    const events = await world.sql<{ reason: string }>(
      "select reason from audit_events where type = 'INTROSPECTION_REFUSED'",
    );
    expect(events).toEqual([{ reason: 'the secret is wrong' }]);
  });
});

test('nodes without Redis, or without a view, have nothing to follow, and say so', async () => {
  const bare = await createWorld({ redis: null });
  const [blind, alone] = [await world.node({ ...ENV, REVOCATION_VIEW_LIMIT: '0' }), await bare.node(ENV)];
  for (const { url } of [blind, alone]) {
    expect(await refusedWith(url, FOLLOW_OPTIONS)).toBe(409);
    expect(await metric(url, 'followers')).toBeUndefined();
  }
  await bare.close();
});

test('a server of your own lets followers in, and your own sockets stay yours', async () => {
  const auth = await createTokenfence({
    databaseUrl: world.databaseUrl,
    redisUrl: world.redisUrl,
    secret: TEST_ENV.SECRET,
    introspectionSecret: FOLLOW_SECRET,
    logLevel: 'silent',
  });
  const server = createServer((request, response) => {
    if (!auth.node(request, response)) response.writeHead(404).end();
  });
  server.on('upgrade', (request, socket, head) => {
    if (!auth.upgrade(request, socket, head)) socket.end('HTTP/1.1 418 mine\r\n\r\n');
  });
  const url = await listen(server);
  const follower = await startFollower(url);
  expect(await refusedWith(url, { ...FOLLOW_OPTIONS, path: '/mine' })).toBe(418);
  expect(await refusedWith(url, { ...FOLLOW_OPTIONS, headers: {} })).toBe(401);
  const session = await newSession(node.api);
  await session.end();
  expect([...follower.known]).toContain(session.id);
  // As the page says: announce, close the servers, close this.
  auth.announceStop();
  await follower.socket.receive('leaving');
  tell(follower.socket, { type: 'farewell' });
  await closeServer(server);
  await auth.close();
});

test('the embedded mode can be followed, and a clean stop takes back', async () => {
  const folder = await newEmbeddedFolder();
  const embedded = await startNodeProcess({ ...ENV, DATA_DIR: folder.path });
  const early = await newSession(embedded.api);
  await early.end();
  const follower = await startFollower(embedded.url);
  expect([...follower.known]).toContain(early.id);
  const session = await newSession(embedded.api);
  expect(await session.end()).toMatchObject({ confirmed: true });
  expect([...follower.known]).toContain(session.id);
  embedded.signal('SIGTERM');
  expect(await follower.socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.STOPPING });
  expect(follower.socket.of('take-back')).toHaveLength(1);
  expect(await embedded.ended).toBe(0);
  await folder.remove();
});
