import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { ServiceGuard } from '../../src/guard/create-guard';
import type { Readiness } from '../../src/verify/readiness';
import { createVerifyMetrics } from '../../src/verify/metrics';
import { createVerifyServer, type VerifyServer } from '../../src/verify/server';
import { FakeGuard, newToken, textOf } from '../support/fake-guard';
import { closeServer, listen } from '../support/listen';

const fake = new FakeGuard();
const errors: unknown[] = [];
let readiness: Readiness = { ready: true, degraded: [], view: 'current' };
const guard: ServiceGuard = {
  authenticate: (authorization) => fake.authenticate(authorization),
  status: () => ({ view: 'current', node: 'reached', redis: 'off', viewSize: 7, keys: 2 }),
  onRevocation: () => () => undefined,
  close: () => Promise.resolve(),
};
const metrics = createVerifyMetrics('1.2.3');
const createServer = () =>
  createVerifyServer({
    guard,
    metrics,
    readiness: () => Promise.resolve(readiness),
    logger: { error: (details) => errors.push(details) },
  });

let verify: VerifyServer;
let url: string;
beforeAll(async () => {
  verify = createServer();
  url = await listen(verify.server);
});
afterAll(() => closeServer(verify.server));
beforeEach(() => {
  fake.verdict = () => true;
});

const token = newToken({ role: 'EDITOR' });
const BEARER = `Bearer ${textOf(token)}`;
const SIGNED_IN = `Authorization: ${BEARER}\r\n`;

/** Sends bytes. Resolves with all that comes back until the server closes the connection. */
function exchange(bytes: string, at = url): Promise<string> {
  const { hostname, port } = new URL(at);
  return new Promise((resolve) => {
    let text = '';
    const connection = connect(Number(port), hostname, () => connection.write(bytes));
    connection.on('data', (data) => (text += data.toString('latin1')));
    connection.on('error', () => undefined);
    connection.on('close', () => resolve(text));
  });
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
const ask = async (target: string, head = SIGNED_IN, method = 'GET') =>
  exchange(`${method} ${target} HTTP/1.1\r\nHost: guard\r\nConnection: close\r\n${head}\r\n`);
const statusOf = async (...request: Parameters<typeof ask>) => statusesIn(await ask(...request))[0];

test('a good token is answered with whose it is, and with no body', async () => {
  const answer = await fetch(`${url}/verify`, { headers: { authorization: BEARER } });
  expect([answer.status, await answer.text()]).toEqual([200, '']);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'x-auth-user-id': token.sub,
    'x-auth-session-id': token.sid,
    'x-auth-token-id': token.jti,
    'x-auth-role': 'EDITOR',
    'cache-control': 'no-store',
  });
});

test.each([
  ['TOKEN_INVALID', 401, 'Bearer error="invalid_token"'],
  ['TOKEN_REVOKED', 401, 'Bearer error="invalid_token"'],
  ['SERVICE_UNAVAILABLE', 503, null],
] as const)('%s is answered with %i and says nothing about the user', async (code, status, challenge) => {
  fake.verdict = () => code;
  const answer = await fetch(`${url}/verify`, { headers: { authorization: BEARER } });
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([status, challenge]);
  expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect([...answer.headers.keys()].filter((name) => name.startsWith('x-auth'))).toEqual([]);
  expect(await answer.json()).toMatchObject({ error: { code: status === 503 ? code : 'UNAUTHENTICATED' } });
});

test.each([
  ['/verify', 200],
  ['/verify?role=EDITOR', 200],
  ['/verify?role=ADMIN', 403],
  ['/verify?maxAge=60', 200],
  ['/verify?maxAge=60&role=EDITOR', 200],
  ['/verify?role=ADMIN&maxAge=60', 403],
  // Below /verify/for/ is the path of a client, which requires nothing.
  ['/verify/for/?role=ADMIN', 200],
  ['/verify/for/any/path?rol=ADMIN&role=USER&role=ADMIN', 200],
])('%s is answered with %i', async (target, status) => {
  expect(await statusOf(target)).toBe(status);
});

test('a sign-in that is too old is answered with 401 and the age', async () => {
  const old = newToken({ auth_time: Math.floor(Date.now() / 1000) - 100 });
  const answer = await fetch(`${url}/verify?maxAge=90`, {
    headers: { authorization: `Bearer ${textOf(old)}` },
  });
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
    401,
    'Bearer error="insufficient_user_authentication", max_age="90"',
  ]);
  expect(await statusOf('/verify?maxAge=200', `Authorization: Bearer ${textOf(old)}\r\n`)).toBe(200);
});

test.each([
  '/verify?',
  '/verify?role=',
  '/verify?role',
  '/verify?rol=EDITOR',
  '/verify?Role=EDITOR',
  '/verify?role=editor',
  '/verify?role=EDITOR&',
  '/verify?role=EDITOR&role=EDITOR',
  '/verify?role=ADMIN&role=EDITOR',
  '/verify?role[]=EDITOR',
  '/verify?role=EDITOR,ADMIN',
  '/verify?role=EDITOR;maxAge=1',
  '/verify?role=EDITO%52',
  '/verify?role=EDITOR#',
  '/verify?role==EDITOR',
  '/verify?maxAge=0',
  '/verify?maxAge=1e9',
  '/verify?maxAge=-1',
  '/verify?maxAge=60&maxAge=60',
  '/verify?__proto__=1',
  '/verify?access_token=abc',
])('a query that is not understood is refused, whatever the token: %s', async (target) => {
  expect(await statusOf(target)).toBe(400);
});

test.each([
  '//verify',
  '/Verify',
  '/VERIFY',
  '/verify/',
  '/verify/?role=EDITOR',
  '/verify/for',
  '/verify/fo',
  '/verify/role=EDITOR',
  '/verifyx',
  '/verify;x',
  '/verify#',
  '/verify%3Frole=EDITOR',
  '/%76erify',
  '/x/../verify',
  '/./verify',
  '/verify\\',
  'http://guard/verify',
  '*',
  '/',
  '/healthz/',
  '/healthz?x',
  '/constructor',
])('%s is no check', async (target) => {
  expect(await statusOf(target)).toBe(404);
});

test.each(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE'])(
  'the method %s is answered as any other',
  async (method) => {
    expect(await statusOf('/verify', SIGNED_IN, method)).toBe(200);
    expect(await statusOf('/verify', '', method)).toBe(401);
  },
);

test('HTTP/1.0 is answered, and its connection is closed', async () => {
  const text = await exchange(`GET /verify HTTP/1.0\r\n${SIGNED_IN}\r\n`);
  expect(statusesIn(text)).toEqual([200]);
});

test.each([
  ['two tokens', `${SIGNED_IN}${SIGNED_IN}`],
  ['two tokens under different spellings of the name', `${SIGNED_IN}AUTHORIZATION: ${BEARER}\r\n`],
  [
    'two tokens, the other one behind more headers than Node reads',
    `${SIGNED_IN}${'A:b\r\n'.repeat(2500)}${SIGNED_IN}`,
  ],
  ['a token in another header', `X-Authorization: ${BEARER}\r\nProxy-Authorization: ${BEARER}\r\n`],
  ['a name with an underscore', `AUTHORIZATION_: ${BEARER}\r\n`],
  ['an empty header', 'Authorization:\r\n'],
  ['a token with another scheme', `Authorization: ${BEARER.replace('Bearer', 'Basic')}\r\n`],
])('%s is refused', async (_what, head) => {
  expect(await statusOf('/verify', head)).toBe(401);
});

test.each([
  ['a header that goes on in the next line', `Authorization: Bearer\r\n ${textOf(token)}\r\n`],
  ['a space before the colon', `Authorization : ${BEARER}\r\n`],
  ['a line break without a carriage return, in a value', `X: a\nAuthorization: ${BEARER}\r\n`],
  ['a length and chunks', `${SIGNED_IN}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`],
  ['two lengths', `${SIGNED_IN}Content-Length: 5\r\nContent-Length: 6\r\n`],
])('%s is never read in two ways: it is refused', async (_what, head) => {
  expect(await statusOf('/verify', head)).not.toBe(200);
});

test.each([
  ['a length', 'Content-Length: 20000000\r\n'],
  ['chunks', 'Transfer-Encoding: chunked\r\n'],
  ['an expectation', 'Content-Length: 5\r\nExpect: 100-continue\r\n'],
  ['an unknown expectation', 'Content-Length: 5\r\nExpect: something\r\n'],
])('a request with %s is answered before its body, and its connection is closed', async (_what, head) => {
  const text = await exchange(`POST /verify HTTP/1.1\r\nHost: guard\r\n${SIGNED_IN}${head}\r\n`);
  expect(statusesIn(text)).toEqual([200]);
  expect(text).toMatch(/^connection: close\r$/im);
});

test('what follows an announced body on its connection is not answered', async () => {
  const smuggled = `GET /verify HTTP/1.1\r\nHost: guard\r\n${SIGNED_IN}\r\n`;
  const text = await exchange(
    `POST /verify HTTP/1.1\r\nHost: guard\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}${smuggled}`,
  );
  expect(statusesIn(text)).toEqual([401]);
});

const LAST = 'GET /verify HTTP/1.1\r\nHost: guard\r\nConnection: close\r\n\r\n';

test.each(['websocket', 'h2c', 'TLS/1.0'])(
  'a request with Upgrade: %s is answered as any other, and its connection is closed',
  async (protocol) => {
    const offer = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${protocol}\r\nHTTP2-Settings: AAMAAABk\r\n`;
    const text = await exchange(`GET /verify HTTP/1.1\r\nHost: guard\r\n${offer}${SIGNED_IN}\r\n${LAST}`);
    expect(statusesIn(text)).toEqual([200]);
    expect(text).toMatch(/^connection: close\r$/im);
  },
);

test('pipelined requests are each answered, in their order', async () => {
  const one = (role: string) => `GET /verify?role=${role} HTTP/1.1\r\nHost: guard\r\n${SIGNED_IN}\r\n`;
  const text = await exchange(['EDITOR', 'ADMIN', 'EDITOR', 'ADMIN'].map(one).join('') + LAST);
  expect(statusesIn(text)).toEqual([200, 403, 200, 403, 401]);
});

test('the other pages answer GET and HEAD only', async () => {
  for (const page of ['/healthz', '/readyz', '/metrics']) {
    expect([
      await statusOf(page),
      await statusOf(page, '', 'HEAD'),
      await statusOf(page, '', 'POST'),
    ]).toEqual([200, 200, 405]);
  }
  readiness = { ready: false, reasons: ['the guard is stopping'] };
  const unready = await fetch(`${url}/readyz`);
  expect([unready.status, await unready.json()]).toEqual([
    503,
    { status: 'unready', reasons: ['the guard is stopping'] },
  ]);
});

test('the metrics are in the format of Prometheus, and hold no text of a client', async () => {
  metrics.checked('view', 'GOOD');
  await ask(`/${randomUUID()}"} 1\n`);
  const text = await (await fetch(`${url}/metrics`)).text();
  expect(
    text
      .split('\n')
      .filter((line) => !/^(#.*|[a-z_]+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.]+|)$/.test(line)),
  ).toEqual([]);
  expect(text).toContain('tokenfence_checks_total{step="view",answer="GOOD"} 1\n');
  expect(text).toMatch(/^tokenfence_requests_total\{operation="\/verify",code="OK"\} \d+$/m);
  expect(text).toMatch(/^tokenfence_requests_total\{operation="none",code="HTTP_404"\} \d+$/m);
  expect(text).toContain('tokenfence_view_size 7\n');
  expect(text).toContain('tokenfence_node_reached 1\n');
  expect(text).not.toMatch(/^tokenfence_redis_reached/m);
});

test('an unexpected error is answered with 500, and logged', async () => {
  fake.verdict = () => Promise.reject(new Error('the guard is broken'));
  const answer = await fetch(`${url}/verify`, { headers: { authorization: BEARER } });
  expect([answer.status, await answer.json()]).toMatchObject([
    500,
    { error: { code: 'INTERNAL_SERVER_ERROR' } },
  ]);
  expect(errors).toEqual([{ err: new Error('the guard is broken') }]);
});

test('checks are bounded: the size of a head, the time to arrive, connections, and requests in progress', async () => {
  const { server } = verify;
  expect(server).toMatchObject({ headersTimeout: 10_000, requestTimeout: 10_000, maxConnections: 10_000 });
  expect(server.keepAliveTimeout).toBeGreaterThan(120_000);
  expect(await statusOf('/verify', `${SIGNED_IN}X: ${'x'.repeat(30_000)}\r\n`)).toBe(200);
  expect(await statusOf('/verify', `${SIGNED_IN}X: ${'x'.repeat(33_000)}\r\n`)).toBe(431);

  const answer = fake.hold();
  const one = `GET /verify HTTP/1.1\r\nHost: guard\r\n${SIGNED_IN}\r\n`;
  const connections: Promise<string>[] = [];
  for (let count = 0; count < 50; count += 1) connections.push(exchange(one.repeat(100)));
  // Not one more than the bound waits.
  while (fake.askedOf(token) < 5000) await new Promise(setImmediate);
  const overloaded = await fetch(`${url}/verify`, { headers: { authorization: BEARER } });
  expect([overloaded.status, overloaded.headers.get('retry-after')]).toEqual([503, '1']);
  answer('SERVICE_UNAVAILABLE');
  verify.server.closeAllConnections();
  await Promise.all(connections);
});

test('a server that closes answers what has arrived, then closes each connection', async () => {
  const closing = createServer();
  const at = await listen(closing.server);
  const answer = fake.hold();
  const waiting = exchange(`GET /verify HTTP/1.1\r\nHost: guard\r\n${SIGNED_IN}\r\n`, at);
  const idle = exchange('', at);
  const before = fake.askedOf(token);
  while (fake.askedOf(token) === before) await new Promise(setImmediate);
  const closed = closing.close();
  answer(true);
  const text = await waiting;
  expect(statusesIn(text)).toEqual([200]);
  expect(text).toMatch(/^connection: close\r$/im);
  expect(await idle).toBe('');
  await closed;
  await expect(fetch(`${at}/healthz`)).rejects.toThrow();
});
