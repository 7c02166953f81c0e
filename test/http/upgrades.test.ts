import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { AppOptions } from '../../src/http/app-options';
import { startApp, type TestApp } from '../support/app';
import { eventually } from '../support/eventually';
import { PROTOCOL, TestSocket } from '../support/socket';

let app: TestApp | undefined;
const open: TestSocket[] = [];

const start = async (limits: AppOptions['socketLimits'], more: Partial<AppOptions> = {}) => {
  app = await startApp({ trustProxy: 1, socketLimits: { initTimeout: 600_000, ...limits }, ...more });
};
afterEach(async () => {
  for (const socket of open.splice(0)) socket.raw.terminate();
  await app?.close();
  app = undefined;
});

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const connectFrom = async (address: string) => {
  const socket = await TestSocket.open(app!.url, from(address));
  open.push(socket);
  return socket;
};

/** The answer to a refused upgrade. */
async function refusalFor(address: string) {
  const raw = new WebSocket(`${app!.url.replace('http', 'ws')}/graphql`, PROTOCOL, from(address));
  raw.on('error', () => undefined);
  const [, response] = (await once(raw, 'unexpected-response')) as [unknown, any];
  let body = '';
  for await (const data of response) body += String(data);
  const { code, retryAfter } = JSON.parse(body).errors[0].extensions;
  return { status: response.statusCode, header: response.headers['retry-after'], code, retryAfter };
}
const TOO_MANY = { status: 429, header: '5', code: 'RATE_LIMITED', retryAfter: 5 };

test('each address has its own limit of sockets, and a closed socket makes room', async () => {
  await start({ ofAddress: 2 });
  const first = await connectFrom('203.0.113.1');
  await connectFrom('203.0.113.1');
  expect(await refusalFor('203.0.113.1')).toEqual(TOO_MANY);
  expect(app?.refusals).toEqual([
    expect.objectContaining({
      type: 'RATE_LIMIT_REACHED',
      reason: 'sockets-by-address',
      ipAddress: '203.0.113.1',
    }),
  ]);
  await connectFrom('203.0.113.2');
  first.raw.terminate();
  await eventually(() => connectFrom('203.0.113.1'));
});

test('a connection with a refused upgrade is closed, for each reason', async () => {
  await start({});
  const { hostname, port } = new URL(app!.url);
  const connection = connect(Number(port), hostname);
  let text = '';
  connection.on('data', (data) => (text += data.toString()));
  const closed = once(connection, 'close');
  connection.write(
    'GET /graphql HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  await closed;
  expect(text).toMatch(/^HTTP\/1.1 400 /);
});

test('a burst of sockets does not exceed the limit', async () => {
  await start({ ofAddress: 5 });
  const answers = await Promise.allSettled(Array.from({ length: 40 }, () => connectFrom('203.0.113.1')));
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
});

test('an IPv6 address counts as its /64, and a /48 has a common limit', async () => {
  await start({ ofAddress: 2, ofSite: 3 });
  await connectFrom('2001:db8:1:1::1');
  await connectFrom('2001:db8:1:1::2');
  expect(await refusalFor('2001:db8:1:1::3')).toEqual(TOO_MANY);
  await connectFrom('2001:db8:1:2::1');
  expect(await refusalFor('2001:db8:1:3::1')).toEqual(TOO_MANY);
  await connectFrom('2001:db8:2::1');
});

test('a node has a limit of sockets and answers 503 beyond it', async () => {
  await start({ ofNode: 2 });
  await connectFrom('203.0.113.1');
  await connectFrom('203.0.113.2');
  expect(await refusalFor('203.0.113.3')).toEqual({
    status: 503,
    header: '5',
    code: 'SERVICE_UNAVAILABLE',
    retryAfter: 5,
  });
  expect(app?.refusals).toEqual([]);
});

test('with RATE_LIMIT=off only the limit of the node applies', async () => {
  await start({ ofAddress: 1, ofSite: 1, ofNode: 3 }, { rateLimit: false });
  for (let i = 0; i < 3; i++) await connectFrom('203.0.113.1');
  expect((await refusalFor('203.0.113.1')).status).toBe(503);
});

test('a failed upgrade does not count', async () => {
  await start({ ofAddress: 1 });
  // The path of a socket without a handshake.
  for (let i = 0; i < 3; i++) {
    const raw = new WebSocket(
      `${app!.url.replace('http', 'ws')}/graphql`,
      'unknown-protocol',
      from('203.0.113.1'),
    );
    await once(raw, 'error');
    raw.terminate();
  }
  await eventually(() => connectFrom('203.0.113.1'));
});
