import { sharedNodes, sharedWorld } from '../support/shared';
import type { TestNode } from '../support/world';
import { ADMIN, type Answer, PASSWORD } from '../support/api';

const [node, secure] = sharedNodes(
  sharedWorld(),
  { CORS_ORIGINS: 'https://app.example.com' },
  { ISSUER: 'https://auth.example.com' },
);
const email = 'browser@example.com';
const LOGIN =
  'mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken session { id } } }';

beforeAll(() => node.api.register(email));

const cookieOf = (answer: Answer) => answer.headers.getSetCookie()[0] ?? '';
const valueOf = (cookie: string) => cookie.split(';')[0] ?? '';
const login = async (to: TestNode) =>
  to.api.send(LOGIN, { input: { email, password: PASSWORD, useCookie: true } });
const REFRESH = 'mutation { refresh { accessToken refreshToken session { id } } }';

test('in cookie mode scripts and other sites cannot read the refresh token', async () => {
  const answer = await login(node);
  expect(answer.data.login.refreshToken).toBeNull();
  const cookie = cookieOf(answer);
  expect(cookie).toMatch(/^refresh_token=[\w-]{84};/);
  for (const attribute of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/', 'Expires=']) {
    expect(cookie).toContain(attribute);
  }
  expect(cookie).not.toContain('Domain');
});

test('over https the cookie has the __Host- prefix', async () => {
  const answer = await login(secure);
  expect(cookieOf(answer)).toMatch(/^__Host-refresh_token=/);
  // A neighbouring subdomain may have planted one without the prefix.
  const planted = valueOf(cookieOf(answer)).replace('__Host-', '');
  expect((await secure.api.send(REFRESH, {}, undefined, { cookie: planted })).code).toBe(
    'REFRESH_TOKEN_INVALID',
  );
  expect((await secure.api.send(REFRESH, {}, undefined, { cookie: valueOf(cookieOf(answer)) })).status).toBe(
    200,
  );
});

test('a refresh by cookie answers with a cookie', async () => {
  const first = await login(node);
  const second = await node.api.send(REFRESH, {}, undefined, { cookie: valueOf(cookieOf(first)) });
  expect(second.data.refresh).toMatchObject({
    refreshToken: null,
    session: { id: first.data.login.session.id },
  });
  expect(valueOf(cookieOf(second))).not.toBe(valueOf(cookieOf(first)));
});

test('only a page of an allowed origin can use the cookie', async () => {
  const cookie = valueOf(cookieOf(await login(node)));
  const from = (origin: string) => node.api.send(REFRESH, {}, undefined, { cookie, origin });
  expect((await from('https://evil.example.com')).code).toBe('REFRESH_TOKEN_INVALID');
  expect((await from('null')).code).toBe('REFRESH_TOKEN_INVALID');
  const allowed = await from('https://app.example.com');
  expect(allowed.status).toBe(200);
  expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  expect((await from(node.url)).status).toBe(200);
});

test('a form post, which browsers send without a preflight, is refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const response = await fetch(`${node.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: JSON.stringify({ query: REFRESH }),
    });
    expect([400, 415]).toContain(response.status);
  }
});

test('a logout removes the cookie, and without a token the cookie names the session', async () => {
  const first = await login(node);
  const cookie = valueOf(cookieOf(first));
  const answer = await node.api.send('mutation { logout { endedSessions confirmed } }', {}, undefined, {
    cookie,
  });
  expect(answer.data.logout).toEqual({ endedSessions: 1, confirmed: true });
  expect(cookieOf(answer)).toMatch(/^refresh_token=;.*Expires=Thu, 01 Jan 1970/);
  expect((await node.api.me(first.data.login.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect((await node.api.send(REFRESH, {}, undefined, { cookie })).code).toBe('REFRESH_TOKEN_INVALID');
});

test('a logout with neither token nor cookie is refused', async () => {
  expect(await node.api.send('mutation { logout { confirmed } }')).toMatchObject({
    status: 401,
    code: 'UNAUTHENTICATED',
  });
  const unknown = { cookie: `refresh_token=${'x'.repeat(84)}` };
  expect(await node.api.send('mutation { logout { confirmed } }', {}, undefined, unknown)).toMatchObject({
    status: 401,
    code: 'UNAUTHENTICATED',
  });
});

test('a login without useCookie sets no cookie', async () => {
  const answer = await node.api.send(LOGIN, { input: ADMIN });
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect(answer.data.login.refreshToken).toMatch(/^[\w-]{84}$/);
});

test('a logout with the token of one session and the cookie of another ends both sessions', async () => {
  const one = await node.api.login(email);
  const other = await login(node);
  const cookie = valueOf(cookieOf(other));
  const answer = await node.api.send(
    'mutation { logout { scope endedSessions confirmed } }',
    {},
    one.accessToken,
    { cookie },
  );
  expect(answer.data.logout).toEqual({ scope: 'SESSION', endedSessions: 2, confirmed: true });
  expect(cookieOf(answer)).toMatch(/^refresh_token=;/);
  expect((await node.api.me(other.data.login.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect((await node.api.send(REFRESH, {}, undefined, { cookie })).code).toBe('REFRESH_TOKEN_INVALID');
});

test('ending all sessions of one user keeps the cookie of another user', async () => {
  const { accessToken } = await node.api.register('neighbour@example.com');
  const cookie = valueOf(cookieOf(await login(node)));
  const answer = await node.api.send('mutation { logoutEverywhere { endedSessions } }', {}, accessToken, {
    cookie,
  });
  expect(answer.data.logoutEverywhere).toEqual({ endedSessions: 1 });
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect((await node.api.send(REFRESH, {}, undefined, { cookie })).status).toBe(200);
});
