import { connect } from 'node:net';
import { eventually } from '../support/eventually';
import { refusedWith, TestSocket } from '../support/socket';
import { readinessOf } from '../support/probes';
import { ADMIN } from '../support/api';
import { createWorld, TEST_ENV, type TestNode } from '../support/world';
import { sharedNodes, sharedWorld } from '../support/shared';
import { worldMaker } from '../support/world-maker';

const newWorld = worldMaker(createWorld);
const world = sharedWorld();
const [node, production] = sharedNodes(world, {}, { NODE_ENV: 'production' });

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${node.url}${path}`, { headers });

test('/healthz reports that the process is alive, /readyz that it can check tokens', async () => {
  expect(await (await get('/healthz')).json()).toEqual({ status: 'alive' });
  // A node that has just started may not know yet that it reaches Redis.
  await eventually(async () => expect(await readinessOf(node)).toMatchObject({ degraded: [] }));
  const ready = await get('/readyz');
  expect(ready.status).toBe(200);
  expect(ready.headers.get('cache-control')).toBe('no-store');
  const { view, ...rest } = (await ready.json()) as { view: string };
  expect(rest).toEqual({ status: 'ready', degraded: [] });
  expect(['current', 'not current']).toContain(view);
});

test('the key set holds only public keys and may be cached for a minute', async () => {
  const response = await get('/.well-known/jwks.json');
  expect(response.headers.get('cache-control')).toBe('public, max-age=60');
  const { keys } = (await response.json()) as { keys: Record<string, unknown>[] };
  expect(keys).toHaveLength(1);
  expect(Object.keys(keys[0]!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect(keys[0]).toMatchObject({ alg: 'ES256', crv: 'P-256', kty: 'EC', use: 'sig' });
});

test('no GraphQL answer may be cached', async () => {
  for (const query of ['{ __typename }', '{ me { id } }', '{ nothing }'])
    expect((await node.api.send(query)).headers.get('cache-control')).toBe('no-store');
});

test('production hides its schema, and other modes show it', async () => {
  const query = '{ __schema { queryType { name } } }';
  expect((await node.api.send(query)).status).toBe(200);
  expect(await production.api.send(query)).toMatchObject({ status: 400, code: 'GRAPHQL_VALIDATION_FAILED' });
});

test('pages of other origins are refused by the browser’s rules', async () => {
  const answer = await get('/graphql', { origin: 'https://evil.example.com' });
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
});

test('every answer has a request id from the server, never the client’s', async () => {
  const answer = await get('/healthz', { 'x-request-id': 'chosen-by-the-client' });
  expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});

test('an unexpected error answers only a request id, and the log has the error without parameters', async () => {
  const own = await newWorld();
  const broken = await own.node();
  const { accessToken } = await broken.api.loginAsAdmin();
  await own.sql('alter table audit_events rename to mislaid');
  const answer = await broken.api.send('{ auditEvents { edges { node { id } } } }', {}, accessToken);
  expect(answer).toMatchObject({ status: 500, code: 'INTERNAL_SERVER_ERROR' });
  const requestId = answer.headers.get('x-request-id');
  expect(answer.errors).toEqual([
    expect.objectContaining({
      message: 'Unexpected error. Report the request id to the operators.',
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
    }),
  ]);
  const secret = 'a password nobody may read';
  await broken.api.tryLogin('someone.private@example.com', secret);
  const log = broken.log.join('');
  expect(log).toContain('audit_events');
  expect(log).not.toContain(secret);
  expect(log).not.toContain('someone.private');
});

test('no token, password, secret or hash is in the log, at any level', async () => {
  const chatty = await world.node({ LOG_LEVEL: 'trace' });
  const tokens = await chatty.api.register('logged@example.com', 'a password to look for');
  await chatty.api.me(tokens.accessToken);
  await chatty.api.refresh(tokens.refreshToken);
  await chatty.api.login('logged@example.com', 'a password to look for');
  await fetch(`${chatty.url}/graphql?query={me{id}}&token=${tokens.accessToken}`, {
    headers: { 'apollo-require-preflight': 'yes', authorization: `Bearer ${tokens.accessToken}` },
  });
  await chatty.api.end('logout', tokens.accessToken, { cookie: `refresh_token=${tokens.refreshToken}` });
  const log = chatty.log.join('');
  expect(log.length).toBeGreaterThan(1000);
  for (const secret of [
    tokens.accessToken,
    tokens.accessToken.split('.')[2]!,
    tokens.refreshToken,
    'a password to look for',
    TEST_ENV.SECRET!,
    ADMIN.password,
    '$argon2',
  ]) {
    expect(log).not.toContain(secret);
  }
});

test('METRICS_PORT serves only the metrics, and the API port then serves none', async () => {
  const own = await world.node({ METRICS_PORT: '0', NODE_ENV: 'production' });
  const metrics = await fetch(`${own.metricsUrl}/metrics`);
  expect(metrics.status).toBe(200);
  expect(await metrics.text()).toContain('tokenfence_');
  expect((await fetch(`${own.metricsUrl}/graphql`)).status).toBe(404);
  expect((await fetch(`${own.url}/metrics`)).status).toBe(404);
});

test('without METRICS_PORT the API port serves the metrics, but not in production', async () => {
  expect((await fetch(`${node.url}/metrics`)).status).toBe(200);
  expect((await fetch(`${production.url}/metrics`)).status).toBe(404);
});

test('CORS_ORIGINS admits the packaged apps it names, no other app, and never the origin null', async () => {
  const origin = 'capacitor://localhost';
  const own = await world.node({ CORS_ORIGINS: `https://app.example.com,${origin}` });
  const allowed = async (from: string) => {
    const headers = { origin: from, 'access-control-request-method': 'POST' };
    const preflight = await fetch(`${own.url}/graphql`, { method: 'OPTIONS', headers });
    return preflight.headers.get('access-control-allow-origin');
  };
  expect(await allowed(origin)).toBe(origin);
  for (const other of ['null', 'capacitor://evil', 'capacitor://localhost.evil', 'Capacitor://localhost'])
    expect(await allowed(other)).toBeNull();
  const socket = await TestSocket.open(own.url, { headers: { origin } });
  expect(socket.isOpen).toBe(true);
  socket.raw.terminate();
  expect(await refusedWith(own.url, { headers: { origin: 'null' } })).toBe(403);
});

test('answers forbid scripts and framing, and over https require https', async () => {
  const own = await world.node({ NODE_ENV: 'production', ISSUER: 'https://auth.example.com' });
  const nodes = [own, node].flatMap(({ url }) =>
    ['/healthz', '/graphql', '/elsewhere'].map((path) => url + path),
  );
  for (const url of nodes) {
    const { headers } = await fetch(url);
    expect(headers.get('strict-transport-security')).toBe(
      url.startsWith(own.url) ? 'max-age=31536000' : null,
    );
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
});

test.each([
  ['two hosts', 'Host: a\r\nHost: b\r\n'],
  ['the same host twice', 'Host: a\r\nhost: a\r\n'],
  ['no host', ''],
])('a request with %s is refused', async (_name, hosts) => {
  const { hostname, port } = new URL(node.url);
  const connection = connect(Number(port), hostname);
  connection.write(`GET /healthz HTTP/1.1\r\n${hosts}\r\n`);
  let answer = '';
  for await (const data of connection) answer += String(data);
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain('"code":"BAD_REQUEST"');
});

test.each([
  ['X-Forwarded-For', { 'x-forwarded-for': '203.0.113.7' }],
  ['Forwarded', { forwarded: 'for=203.0.113.7' }],
])('an untrusted %s from a proxy is logged once', async (_name, headers) => {
  const warnings = ({ log }: TestNode) => log.filter((line) => line.includes('TRUST_PROXY'));
  const own = await world.node();
  await fetch(`${own.url}/healthz`);
  expect(warnings(own)).toEqual([]);
  for (let i = 0; i < 3; i++) await fetch(`${own.url}/healthz`, { headers });
  expect(warnings(own)).toHaveLength(1);
});

test('a trusted proxy gives no warning', async () => {
  const own = await world.node({ TRUST_PROXY: '1' });
  await fetch(`${own.url}/healthz`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
  expect(own.log.join('')).not.toContain('not trusted');
});
