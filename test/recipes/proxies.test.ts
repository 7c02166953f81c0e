import { createServer, type Server } from 'node:net';
import { ADMIN, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { FOLLOW_SECRET } from '../support/followers';
import { ISSUER } from '../support/guards';
import { listen } from '../support/listen';
import { type Proxy, startProxy } from '../support/proxy';
import type { TestServer } from '../support/server-process';
import { sharedNodes, sharedWorld } from '../support/shared';
import { TestSocket } from '../support/socket';
import {
  ask,
  type ProxyName,
  type Question,
  type Reply,
  sendRaw,
  startGuardProcess,
  startRecipe,
  startService,
  startTap,
  type Tap,
  upgrade,
} from './recipe';

const RECIPES = ['nginx', 'caddy'] as const satisfies readonly ProxyName[];

const world = sharedWorld();
const env = { ISSUER, INTROSPECTION_SECRET: FOLLOW_SECRET };
// The guard follows the second one. Its tokens of a second are for the test of expiry.
const [first, second] = sharedNodes(world, env, { ...env, ACCESS_TOKEN_TTL: '1s' });

/** Between the guard and its node. */
let wire: Proxy;
let guard: TestServer;
let service: TestServer;
/** Takes connections and never answers, like a guard that is paused. */
let silent: Server;
/** What each proxy answers in front of it. Asked at once, because the answer takes seconds. */
let inSilence: Promise<Reply[]>;
/** Between each proxy and the guard. */
const taps = new Map<ProxyName, Tap>();
const proxies = new Map<ProxyName, TestServer>();

beforeAll(async () => {
  wire = await startProxy(second.url);
  guard = await startGuardProcess({
    ISSUER,
    SERVER_URL: wire.url,
    INTROSPECTION_SECRET: FOLLOW_SECRET,
    CLOCK_SKEW: '0s',
  });
  service = await startService(guard.url);
  silent = createServer((socket) => void socket.resume().on('error', () => undefined));
  const silentUrl = await listen(silent);
  inSilence = Promise.all(
    RECIPES.map(async (name) => {
      const proxy = await startRecipe(name, silentUrl, service.url);
      const reply = await ask(proxy.url, { headers: ['Authorization', 'Bearer any'] });
      await proxy.dispose();
      return reply;
    }),
  );
  await Promise.all(
    RECIPES.map(async (name) => {
      const tap = await startTap(guard.url);
      taps.set(name, tap);
      proxies.set(name, await startRecipe(name, tap.url, service.url));
    }),
  );
});
afterAll(async () => {
  for (const server of [...proxies.values(), service, guard]) await server.dispose();
  for (const between of [...taps.values(), wire]) await between.close();
  silent.close();
});

const bearer = ({ accessToken }: Pick<Tokens, 'accessToken'>) => ['Authorization', `Bearer ${accessToken}`];
const asking = (name: ProxyName) => ({
  url: () => proxies.get(name)!.url,
  ask: (question: Question = {}) => ask(proxies.get(name)!.url, question),
  askAs: (tokens: Tokens, { headers = [], ...more }: Question = {}) =>
    ask(proxies.get(name)!.url, { headers: [...bearer(tokens), ...headers], ...more }),
});
const served = (tokens: Tokens) =>
  expect.objectContaining({
    status: 200,
    seen: expect.objectContaining({
      user: expect.objectContaining({ userId: tokens.user.id, sessionId: tokens.session.id }),
    }),
  });
const refused = (status: number, headers: object = {}) =>
  expect.objectContaining({ status, headers: expect.objectContaining(headers) });
const revoked = refused(401, { 'www-authenticate': 'Bearer error="invalid_token"' });
const uncheckable = refused(503, { 'retry-after': '1' });

/** The headers that some service could take for ours, however it reads names. */
const claims = ({ seen }: Reply) =>
  seen.headers.filter(([name]) =>
    /^x-?auth-?(user-?id|session-?id|token-?id|role)$/i.test(name.replaceAll(/[^a-z0-9]/gi, '-')),
  );

describe.each(RECIPES)('behind %s', (name) => {
  const { url, ask, askAs } = asking(name);

  test('a signed-in user is served, and the service is told who it is', async () => {
    const tokens = await first.api.newUser();
    const question = { method: 'PUT', path: '/orders/7?role=ADMIN&x=%2F', body: Buffer.from('{}') };
    const reply = await askAs(tokens, question);
    expect(reply).toEqual(served(tokens));
    expect(reply.seen).toMatchObject({ method: 'PUT', path: question.path, bodyLength: 2 });
    expect(reply.seen.user).toMatchObject({ role: 'USER', tokenId: expect.stringMatching(/./) });
  });

  test('without a good token a request is refused with a challenge', async () => {
    expect(await ask()).toEqual(refused(401, { 'www-authenticate': 'Bearer' }));
    expect(await ask({ headers: ['Authorization', 'Bearer nonsense'] })).toEqual(revoked);
  });

  test('a path for administrators refuses users, however it is spelt', async () => {
    const [user, root] = [await first.api.newUser(), await first.api.loginAsAdmin()];
    for (const path of [
      ...['/admin', '/admin/users', '/ADMIN/users', '//admin', '/%61dmin', '/administration'],
      ...['/a/../admin', '/a/..%2fadmin', '/public/../admin', '/public/%2e%2e/admin', '/public/..%2Fadmin'],
    ]) {
      const { status, text } = await askAs(user, { path });
      expect([path, status]).toEqual([path, 403]);
      // The service would refuse it too.
      expect(text).not.toContain('Administrators only');
    }
    expect(await askAs(user, { path: '/admin?role=USER' })).toEqual(refused(403));
    expect(await ask({ path: '/admin' })).toEqual(refused(401));
    const reply = await askAs(root, { path: '/admin/users?role=USER' });
    expect(reply.seen).toMatchObject({ path: '/admin/users?role=USER', user: { role: 'ADMIN' } });
  });

  test('an expired token is refused', async () => {
    const { user } = await first.api.newUser();
    const tokens = await second.api.login(user.email);
    await eventually(async () => expect(await askAs(tokens)).toEqual(revoked));
  });

  test.each(['logout', 'logoutEverywhere'])(
    'the first request after a confirmed %s is refused',
    async (mutation) => {
      for (let i = 0; i < 5; i++) {
        const tokens = await first.api.newUser();
        expect(await askAs(tokens)).toEqual(served(tokens));
        expect(await first.api.end(mutation, tokens.accessToken)).toMatchObject({ confirmed: true });
        expect(await askAs(tokens)).toEqual(revoked);
      }
    },
  );

  test('headers from outside never pass for those of the guard', async () => {
    const [user, root] = [await first.api.newUser(), await first.api.loginAsAdmin()];
    const claimed = [
      ...['X-Auth-User-Id', 'x_auth_user_id', 'X-AUTH_USER-ID', 'X_Auth_User_Id', 'x-auth-user_id'],
      ...['X-Auth-Role', 'X-AUTH-ROLE', 'x-auth-role', 'X_AUTH_ROLE', 'X-Auth-Session-Id', 'x_auth_token_id'],
    ].flatMap((field) => [field, field.toLowerCase().endsWith('role') ? 'ADMIN' : root.user.id]);
    const named = claimed.filter((_, index) => index % 2 === 0).join(', ');
    // A header that `Connection` names is dropped on the way: it must not be one of the guard.
    for (const connection of [
      'close',
      named,
      `close, ${named}`,
      `Upgrade, ${named}`,
      `${named}, Authorization`,
    ]) {
      const reply = await askAs(user, { headers: [...claimed, 'Connection', connection] });
      expect(reply).toEqual(served(user));
      expect(
        claims(reply)
          .map(([field]) => field.toLowerCase())
          .sort(),
      ).toEqual([...['x-auth-role', 'x-auth-session-id', 'x-auth-token-id', 'x-auth-user-id']]);
      expect(reply.seen.user?.role).toBe('USER');
    }
    const open = await ask({ path: '/public/', headers: [...claimed, 'Connection', 'close'] });
    expect([open.seen.user, claims(open)]).toEqual([null, []]);
    expect(await ask({ headers: claimed })).toEqual(refused(401));
  });

  test('no upgrade reaches the service but that to a WebSocket', async () => {
    const tokens = await first.api.newUser();
    for (const upgrade of ['h2c', 'websocket, h2c', 'TLS/1.0']) {
      const headers = [
        'Upgrade',
        upgrade,
        'Connection',
        'Upgrade, HTTP2-Settings',
        'HTTP2-Settings',
        'AAMAAABk',
      ];
      const { seen } = await askAs(tokens, { headers });
      expect(seen.headers.filter(([field]) => /^(upgrade|connection)$/i.test(field))).toEqual([]);
    }
  });

  test('of two tokens, the service never gets one that was not checked', async () => {
    const [one, other] = [await first.api.newUser(), await first.api.newUser()];
    await first.api.end('logout', other.accessToken);
    for (const headers of [
      [...bearer(one), ...bearer(other)],
      [...bearer(other), ...bearer(one)],
    ]) {
      const reply = await ask({ headers });
      if (reply.status !== 200) expect([400, 401]).toContain(reply.status);
      else
        expect(reply.seen.headers.filter(([field]) => field.toLowerCase() === 'authorization')).toEqual([
          ['Authorization', `Bearer ${one.accessToken}`],
        ]);
    }
  });

  test('no request is hidden in another', async () => {
    const tokens = await first.api.newUser();
    const authorization = `Authorization: Bearer ${tokens.accessToken}\r\n`;
    const host = 'Host: localhost\r\n';
    const claim = 'X-Auth-Role: ADMIN\r\n';
    const hidden = `GET /hidden HTTP/1.1\r\n${host}X-Auth-User-Id: ${ADMIN.email}\r\nX-Auth-Session-Id: 1\r\nX-Auth-Token-Id: 1\r\n${claim}\r\n`;
    const chunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
    const long = `Content-Length: ${hidden.length}\r\n`;
    const chunked = 'Transfer-Encoding: chunked\r\n';
    const begin = `POST /outer HTTP/1.1\r\n${host}${authorization}`;
    const last = `GET /last HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    for (const request of [
      `${begin}\r\n${hidden}`,
      `${begin}${long}\r\n${hidden}`,
      `${begin}${chunked}\r\n${chunk}`,
      `${begin}${long}${chunked}\r\n${chunk}`,
      `${begin}Content-Length: 0\r\n${chunked}\r\n${chunk}`,
      `${begin}Transfer-Encoding : chunked\r\n${long}\r\n${chunk}`,
      `${begin}Transfer-Encoding: identity, chunked\r\n${long}\r\n${chunk}`,
      `${begin}Expect: 100-continue\r\n${long}\r\n${hidden}`,
      `${begin}Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n${hidden}`,
      `GET /verify HTTP/1.1\r\n${host}${authorization}${long}\r\n${hidden}`,
      // And no header in a header, or behind the body.
      ...['\r', '\n ', '\r\n ', '\0', '\v'].map((end) => `${begin}X-Other: 1${end}${claim}\r\n`),
      `${begin}X-Auth-Role : ADMIN\r\n\r\n`,
      `${begin}${chunked}Trailer: X-Auth-Role\r\n\r\n0\r\n${claim}\r\n`,
    ]) {
      const answer = await sendRaw(url(), request + last);
      expect(answer).not.toMatch(/"path": "\/(hidden|last)"/);
      expect(answer).not.toContain('"ADMIN"');
      expect(answer.match(/HTTP\/1\.1 101/)).toBeNull();
    }
  });

  test('a WebSocket is opened with a good token only, and ends with it', async () => {
    const tokens = await first.api.newUser();
    const headers = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` });
    await expect(
      TestSocket.open(url(), { protocol: '', path: '/socket', headers: headers('nonsense') }),
    ).rejects.toThrow('401');
    const socket = await TestSocket.open(url(), {
      ...{ protocol: '', path: '/socket', headers: headers(tokens.accessToken) },
    });
    socket.raw.send('hello');
    await eventually(() => expect(socket.messages).toEqual([{ userId: tokens.user.id, echo: 'hello' }]));
    // Not even if the client asks for the headers of the guard to be dropped.
    const named = ['Upgrade', 'websocket', 'Connection', 'Upgrade, X-Auth-User-Id', 'Sec-WebSocket-Key', 'x'];
    expect(await upgrade(url(), { path: '/socket', headers: [...bearer(tokens), ...named] })).toBe(101);
    await first.api.end('logout', tokens.accessToken);
    socket.raw.send('hello again');
    expect(await socket.closed).toMatchObject({ code: 4403 });
    expect(socket.messages).toHaveLength(1);
  });

  test('a body of 20 MB reaches the service, and not the check', async () => {
    const tokens = await first.api.newUser();
    const before = taps.get(name)!.sent.length;
    const body = Buffer.alloc(20_000_000, 'x');
    expect((await askAs(tokens, { method: 'POST', body })).seen.bodyLength).toBe(body.length);
    expect(await askAs(tokens, { path: '/verify', body })).toMatchObject({
      seen: { bodyLength: body.length },
    });
    expect(await ask({ method: 'POST', body })).toEqual(refused(401));
    const chunks = ['Transfer-Encoding', 'chunked'];
    const chunked = await askAs(tokens, { method: 'POST', headers: chunks, body: Buffer.from('seven x') });
    expect(chunked.seen.bodyLength).toBe(7);
    expect(taps.get(name)!.sent.length - before).toBeLessThan(5000);
  });

  test('checks share connections, also those that refuse', async () => {
    const tokens = await first.api.newUser();
    const { connections } = taps.get(name)!;
    for (let i = 0; i < 20; i++) {
      expect(await askAs(tokens)).toEqual(served(tokens));
      expect(await ask()).toEqual(refused(401));
    }
    expect(taps.get(name)!.connections - connections).toBeLessThanOrEqual(1);
  });

  test('the guard gets no cookie, no query and no body of the client', async () => {
    const tokens = await first.api.newUser();
    const reply = await askAs(tokens, { path: '/?secret', headers: ['Cookie', 'a=secret'] });
    expect(reply.seen.headers).toContainEqual(['Cookie', 'a=secret']);
    expect(await askAs(tokens, { path: '/?' })).toEqual(served(tokens));
    await askAs(tokens, { method: 'POST', headers: ['Expect', '100-continue'], body: Buffer.from('x') });
    expect(taps.get(name)!.sent).not.toMatch(/secret|^(cookie|expect|upgrade|content-length):/im);
  });
});

test('nginx passes on the path that it has compared, not the spelling of the client', async () => {
  const reply = await asking('nginx').askAs(await first.api.newUser(), {
    path: '//a/%2e%2e/b/..%2Fc?d=/../e',
  });
  expect(reply.seen.path).toBe('/c?d=/../e');
});

test('a guard that does not answer lets nobody in', async () => {
  expect(await inSilence).toEqual([uncheckable, uncheckable]);
});

test('a request that the guard holds while it is paused is judged by what it knows afterwards', async () => {
  const tokens = await first.api.newUser();
  for (const name of RECIPES) expect(await asking(name).askAs(tokens)).toEqual(served(tokens));
  guard.pause();
  expect(await first.api.end('logout', tokens.accessToken)).toMatchObject({ confirmed: true });
  const replies = Promise.all(RECIPES.map((name) => asking(name).askAs(tokens)));
  guard.resume();
  for (const { status } of await replies) expect([401, 503]).toContain(status);
});

test('without its node the guard refuses everything, and recovers', async () => {
  const tokens = await first.api.newUser();
  await eventually(async () => {
    for (const name of RECIPES) expect(await asking(name).askAs(tokens)).toEqual(served(tokens));
  });
  wire.cut();
  for (const name of RECIPES) {
    await eventually(async () => expect(await asking(name).askAs(tokens)).toEqual(uncheckable));
    expect((await asking(name).ask({ path: '/public/' })).status).toBe(200);
  }
  wire.restore();
  for (const name of RECIPES)
    await eventually(async () => expect(await asking(name).askAs(tokens)).toEqual(served(tokens)));
});

test('without the guard everything is refused, and a service that is away is not taken for it', async () => {
  const tokens = await first.api.newUser();
  await guard.kill();
  for (const name of RECIPES) {
    for (const path of ['/', '/admin'])
      expect(await asking(name).askAs(tokens, { path })).toEqual(uncheckable);
    expect((await asking(name).ask({ path: '/public/' })).status).toBe(200);
  }
  await guard.start();
  for (const name of RECIPES)
    await eventually(async () => expect(await asking(name).askAs(tokens)).toEqual(served(tokens)));
  await service.kill();
  for (const name of RECIPES) expect(await asking(name).askAs(tokens)).toEqual(refused(502));
  await service.start();
});
