import { PASSWORD } from '../support/api';
import { eventually } from '../support/eventually';
import { TestSocket } from '../support/socket';
import { createWorld, type World } from '../support/world';
import { type Kind, startTeamServer, type TeamServer } from './team-server';

let world: World;
const servers = new Map<Kind, TeamServer>();
const on = (kind: Kind): TeamServer => servers.get(kind) as TeamServer;

beforeAll(async () => {
  world = await createWorld();
  // Together they are three nodes of one fleet.
  servers.set('express', await startTeamServer('express', world));
  servers.set('fastify', await startTeamServer('fastify', world));
  servers.set('node', await startTeamServer('node', world));
});

afterAll(async () => {
  for (const server of servers.values()) await server.close();
  // Fails if one of them has left a connection open.
  await world.close();
});

const REGISTER = `mutation($input: RegisterInput!) {
  register(input: $input) { accessToken refreshToken user { id name } }
}`;
const LOGIN = 'mutation($input: LoginInput!) { login(input: $input) { accessToken user { id } } }';

let count = 0;
const newEmail = () => `embedded${++count}@example.com`;

const register = (kind: Kind, name: string, more: object = {}) =>
  on(kind).api.send(REGISTER, { input: { email: newEmail(), password: PASSWORD, name, ...more } });

const countOf = async (table: 'users' | 'profiles' | 'sessions') => {
  const [row] = await world.sql<{ count: number }>(`select count(*)::int from ${table}`);
  return row?.count;
};

describe.each<Kind>(['express', 'fastify', 'node'])('an application on %s', (kind) => {
  test('registers, and its own field and claim are there', async () => {
    const { data } = await register(kind, 'Ada');
    const { accessToken, user } = data.register;
    expect(user.name).toBe('Ada');
    const answer = await on(kind).api.send('{ hello tenant me { id name role } }', {}, accessToken);
    expect(answer.status).toBe(200);
    expect(answer.data).toMatchObject({
      hello: 'hello',
      tenant: expect.stringMatching(/^tenant of embedded\d+@/),
      me: { id: user.id, name: 'Ada', role: 'USER' },
    });
    expect(answer.headers.get('x-request-id')).not.toBeNull();
  });

  test('sets the cookie, refreshes by it, and logs out for good on every node', async () => {
    const first = await register(kind, 'Cookie', { useCookie: true });
    const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    expect(first.data.register.refreshToken).toBeNull();
    const again = await on(kind).api.send('mutation { refresh { accessToken } }', {}, undefined, { cookie });
    const token = again.data.refresh.accessToken as string;
    const out = await on(kind).api.send('mutation { logout { confirmed } }', {}, token, { cookie });
    expect(out.data).toEqual({ logout: { confirmed: true } });
    expect(out.headers.getSetCookie()[0]).toMatch(/^refresh_token=;/);
    for (const node of servers.values()) {
      const answer = await node.api.send('{ me { id } }', {}, token);
      expect([answer.status, answer.reason]).toEqual([401, 'TOKEN_REVOKED']);
    }
  });

  test('answers checks of proxies, and none after the logout', async () => {
    const { accessToken } = (await register(kind, 'Proxy')).data.register;
    const check = async (query = '') => {
      const authorization = `Bearer ${accessToken}`;
      const answer = await fetch(`${on(kind).url}/verify${query}`, {
        method: 'POST',
        headers: { authorization },
      });
      return answer.status;
    };
    expect([await check(), await check('?role=ADMIN'), await check('?rol=ADMIN')]).toEqual([200, 403, 400]);
    await on(kind).api.send('mutation { logoutEverywhere { confirmed } }', {}, accessToken);
    expect(await check()).toBe(401);
  });

  test('has our errors in our form with their status, and its own untouched', async () => {
    const { api } = on(kind);
    const wrong = { input: { email: 'nobody@example.com', password: 'wrong wrong' } };
    const refused = await api.send(LOGIN, wrong);
    expect([refused.status, refused.code]).toEqual([401, 'INVALID_CREDENTIALS']);
    const broken = await api.send('{ broken }');
    expect(broken.errors).toMatchObject([
      { message: 'a message of the application', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
    ]);
    expect(broken.errors?.[0]?.extensions.requestId).toBeUndefined();
    const fails = await api.send('{ fails }');
    expect([fails.status, fails.errors?.[0]?.extensions]).toEqual([200, { code: 'NOT_FOUND', mine: true }]);
    const costly = await api.send(
      `{ ${Array.from({ length: 5 }, (_, i) => `a${i}: users(first: 100) { edges { node { id } } }`).join(' ')} }`,
    );
    expect([costly.status, costly.code]).toEqual([400, 'BAD_USER_INPUT']);
  });

  test('serves the HTTP beside /graphql, and leaves what is not ours', async () => {
    const { api, url } = on(kind);
    const keys = await fetch(`${url}/.well-known/jwks.json`);
    expect([keys.status, ((await keys.json()) as { keys: object[] }).keys.length]).toEqual([200, 1]);
    const { accessToken } = (await register(kind, 'Introspected')).data.register as { accessToken: string };
    const form = (path: string, token: string, headers = {}) =>
      fetch(`${url}${path}`, { method: 'POST', headers, body: new URLSearchParams({ token }) });
    const secret = { authorization: 'Bearer for introspection: 4tQz8LmW2xR7vK1pB9cD' };
    expect(await (await form('/oauth/introspect', accessToken, secret)).json()).toMatchObject({
      active: true,
    });
    expect(await (await form('/oauth/revoke', accessToken)).json()).toEqual({ confirmed: true });
    expect((await api.send('{ me { id } }', {}, accessToken)).reason).toBe('TOKEN_REVOKED');
    const { register: named } = (await register(kind, 'Named')).data;
    const ended = await fetch(`${url}/global-token-revocation`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer only to end tokens: 8uRz3KqW5xN1vL7pB2mD',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ sub_id: { format: 'opaque', id: named.user.id } }),
    });
    expect(ended.status).toBe(204);
    expect((await api.send('{ me { id } }', {}, named.accessToken)).reason).toBe('TOKEN_REVOKED');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const own = (await (await fetch(`${url}/healthz`)).json()) as object;
    expect(own).toEqual(kind === 'fastify' ? { mine: true } : { status: 'alive' });
  });

  test('serves its own subscriptions and ours, and closes the socket with the token', async () => {
    const { api, url } = on(kind);
    const { accessToken } = (await register(kind, 'Socket')).data.register as { accessToken: string };
    const socket = await TestSocket.signIn(url, accessToken);
    socket.subscribe('subscription { ticks }');
    await socket.receive('complete');
    await socket.listen('subscription { sessionEnded { scope current } }', '2');
    await api.send('mutation { logout { confirmed } }', {}, accessToken);
    expect(await socket.closed).toMatchObject({ code: 4403 });
    expect(socket.events).toEqual([{ ticks: 1 }, { sessionEnded: { scope: 'SESSION', current: true } }]);
  });
});

test('a mutation of the application sees that one of ours has ended the token', async () => {
  const { accessToken } = (await register('express', 'Quick')).data.register as { accessToken: string };
  const answer = await on('express').api.send(
    'mutation { a: greet logout { scope } b: greet }',
    {},
    accessToken,
  );
  expect(answer.errors?.map(({ path, extensions }) => [path, extensions.reason])).toEqual([
    [['b'], 'TOKEN_REVOKED'],
  ]);
});

describe('the hook of a registration', () => {
  test.each([
    ['throws its own error', 'robot', [418, 'NO_ROBOTS', 'No robots.']],
    ['throws another error', 'broken', [500, 'INTERNAL_SERVER_ERROR', expect.stringContaining('request id')]],
    ['fails in its own insert', 'refused by the table', [500, 'INTERNAL_SERVER_ERROR', expect.anything()]],
    ['swallows the error of a statement', 'careless', [500, 'INTERNAL_SERVER_ERROR', expect.anything()]],
    ['tries to commit', 'committing', [500, 'INTERNAL_SERVER_ERROR', expect.anything()]],
    ['hangs', 'forever', [503, 'SERVICE_UNAVAILABLE', expect.anything()]],
  ])('leaves no account if it %s', async (_what, name, expected) => {
    const before = [await countOf('users'), await countOf('profiles'), await countOf('sessions')];
    const { status, errors = [] } = await register('express', name);
    expect([status, errors[0]?.extensions.code, errors[0]?.message]).toEqual(expected);
    expect(JSON.stringify(errors)).not.toContain('secret of the application');
    expect([await countOf('users'), await countOf('profiles'), await countOf('sessions')]).toEqual(before);
  });

  test('may go back to a savepoint of its own', async () => {
    expect((await register('express', 'careful')).data.register.user.name).toBe('careful');
  });

  test('never gets the password', async () => {
    const seen: unknown[] = [];
    const other = await startTeamServer('node', world, {
      hooks: { registering: (event) => void seen.push(event) },
    });
    const { user } = (
      await other.api.send(REGISTER, { input: { email: newEmail(), password: PASSWORD, name: 'Seen' } })
    ).data.register as { user: { id: string } };
    await other.close();
    expect(seen).toMatchObject([
      {
        user: { id: user.id },
        input: { name: 'Seen', useCookie: false },
        via: 'register',
        client: { ipAddress: '127.0.0.1' },
      },
    ]);
    expect(JSON.stringify(seen)).not.toMatch(/password|correct horse/i);
  });
});

test('a hook of the login can refuse it, with its session undone', async () => {
  const email = newEmail();
  const input = { email, password: PASSWORD, name: 'banned' };
  const { user } = (await on('express').api.send(REGISTER, { input })).data.register as {
    user: { id: string };
  };
  const refused = await on('fastify').api.send(LOGIN, { input: { email, password: PASSWORD } });
  expect([refused.status, refused.code]).toEqual([418, 'NO_ROBOTS']);
  expect(await on('node').auth.api.listSessions(user.id)).toHaveLength(1);
});

test('code cannot create an account with an email that nobody could register with', async () => {
  const { auth } = on('express');
  for (const email of ['ada@localhost', `${'a'.repeat(65)}@example.com`, '\ud800@example.com'])
    await expect(auth.api.createUser({ email, password: PASSWORD })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
});

test('the use cases are callable: changes with their hooks, and receipts that hold on every node', async () => {
  const { api, auth } = on('express');
  const made = await auth.api.createUser({ email: newEmail(), password: PASSWORD, input: { name: 'Made' } });
  const signIn = async () => {
    const answer = await api.send(LOGIN, { input: { email: made.email, password: PASSWORD } });
    return answer.data.login.accessToken as string;
  };
  const idOf = async (token: string) =>
    (await on('node').api.send('{ me { id role name } }', {}, token)).data?.me;
  const token = await signIn();
  expect(await auth.api.endTokens(made.id, { reason: 'another tenant' })).toMatchObject({
    scope: 'USER',
    confirmation: { confirmed: true },
  });
  expect(await idOf(token)).toBeNull();
  expect(await auth.api.listSessions(made.id)).toHaveLength(1);
  const { user } = await auth.api.setRole(made.id, 'EDITOR');
  expect([user.role, 'passwordHash' in user]).toEqual(['EDITOR', false]);
  expect(await idOf(await signIn())).toEqual({ id: made.id, role: 'EDITOR', name: 'USER to EDITOR' });
  await expect(auth.api.setRole(made.id, 'WRITER')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  await expect(
    auth.api.createUser({ email: newEmail(), password: PASSWORD, input: { name: 'robot' } }),
  ).rejects.toMatchObject({ extensions: { code: 'NO_ROBOTS' } });
  await auth.api.deleteUser(made.id);
  expect(await auth.api.findUser(made.id)).toBeUndefined();
  expect(await auth.sql('select from profiles where user_id = $1', [made.id])).toEqual([]);
  // Every node is told, of what another has ended too.
  await eventually(() => {
    expect(on('fastify').revoked).toContain('USER');
    return Promise.resolve();
  });
});
