import { createWorld, type TestNode, type World } from '../support/world';
import type { Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { TestSocket } from '../support/socket';

/** Refused requests in the audit log (OWASP ASVS 16.3.1 to 16.3.3). */
let world: World;
let node: TestNode;
let user: Tokens;
let admin: Tokens;

const INTROSPECTION_SECRET = 'only for tests: 9cKq3uTz5wQe8rYb1m';

beforeAll(async () => {
  world = await createWorld({ redis: null });
  node = await world.node({ INTROSPECTION_SECRET });
  user = await node.api.register('audited@example.com');
  admin = await node.api.loginAsAdmin();
});
afterAll(() => world.close());

interface Row {
  readonly user_id: string | null;
  readonly actor_id: string | null;
  readonly session_id: string | null;
  readonly reason: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
  readonly request_id: string | null;
}

const AGENT = { 'user-agent': 'Test/1.0' };

/** Waits for the one event of a request. */
const eventOf = async (requestId: string | null, type: string): Promise<Row> => {
  let row: Row | undefined;
  await eventually(async () => {
    const rows = await world.sql<Row & { type: string }>('select * from audit_events where request_id = $1', [
      requestId,
    ]);
    expect(rows.map((each) => each.type)).toEqual([type]);
    row = rows[0];
  });
  return row!;
};

const post = (path: string, body: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(`${node.url}${path}`, {
    method: 'POST',
    headers: { ...AGENT, ...headers },
    body: new URLSearchParams(body),
  });

const CHANGE_PASSWORD =
  'mutation { changePassword(input: { currentPassword: "wrong wrong", newPassword: "something else 12" }) { accessToken } }';

test.each([
  ['a wrong password at changePassword', 'PASSWORD_CONFIRMATION_FAILED', CHANGE_PASSWORD],
  [
    'a wrong password at deleteAccount',
    'PASSWORD_CONFIRMATION_FAILED',
    'mutation { deleteAccount(password: "wrong wrong") { scope } }',
  ],
  ['a query that only administrators may send', 'ACCESS_DENIED', '{ users { edges { node { email } } } }'],
  [
    'a mutation that only administrators may send',
    'ACCESS_DENIED',
    'mutation { it: forceLogoutAll(reason: "mine now") { scope } }',
  ],
])('%s is recorded, with its user, address, device and request', async (_what, type, query) => {
  const { headers } = await node.api.send(query, {}, user.accessToken, AGENT);
  expect(await eventOf(headers.get('x-request-id'), type)).toMatchObject({
    user_id: user.user.id,
    actor_id: user.user.id,
    session_id: user.session.id,
    ip_address: '127.0.0.1',
    user_agent: 'Test/1.0',
  });
});

test('a field forbidden several times in one request is recorded once, by its schema name', async () => {
  const query = '{ secret: users { edges { node { id } } } more: users { edges { node { id } } } }';
  const { headers } = await node.api.send(query, {}, user.accessToken);
  expect((await eventOf(headers.get('x-request-id'), 'ACCESS_DENIED')).reason).toBe('the field users');
});

test('logoutSession records the id of another user’s session, but no text that is not an id', async () => {
  const mutation = (id: string) => `mutation { logoutSession(sessionId: "${id}") { scope } }`;
  const others = await node.api.send(mutation(admin.session.id), {}, user.accessToken);
  expect(others.code).toBe('NOT_FOUND');
  expect(await eventOf(others.headers.get('x-request-id'), 'SESSION_ACCESS_DENIED')).toMatchObject({
    user_id: user.user.id,
    session_id: admin.session.id,
  });
  const text = await node.api.send(mutation('any text at all'), {}, user.accessToken);
  const row = await eventOf(text.headers.get('x-request-id'), 'SESSION_ACCESS_DENIED');
  expect(row.session_id).toBeNull();
  expect(JSON.stringify(row)).not.toContain('any text at all');
});

test('a forged access token is recorded; a revoked or expired one is not', async () => {
  const forged = await node.api.me(`${user.accessToken.slice(0, -6)}AAAAAA`);
  expect(forged.reason).toBe('TOKEN_INVALID');
  await eventOf(forged.headers.get('x-request-id'), 'ACCESS_TOKEN_REFUSED');
  const revoked = await post('/oauth/revoke', { token: 'not a token of ours' });
  await eventOf(revoked.headers.get('x-request-id'), 'ACCESS_TOKEN_REFUSED');

  const gone = await node.api.login('audited@example.com');
  await node.api.end('logout', gone.accessToken);
  const late = await node.api.me(gone.accessToken);
  expect(late.reason).toBe('TOKEN_REVOKED');
  await eventOf((await node.api.me('forged')).headers.get('x-request-id'), 'ACCESS_TOKEN_REFUSED');
  const id = late.headers.get('x-request-id');
  expect(await world.sql('select * from audit_events where request_id = $1', [id])).toEqual([]);
});

test('refusals on a socket are recorded: a forged token and a forbidden subscription', async () => {
  const rows = (type: string, agent: string) =>
    world.sql<Row>('select * from audit_events where type = $1 and user_agent = $2', [type, agent]);
  const forged = await TestSocket.open(node.url, { headers: { 'user-agent': 'Socket/1.0' } });
  forged.send({ type: 'connection_init', payload: { authorization: 'Bearer forged' } });
  await eventually(async () => expect(await rows('ACCESS_TOKEN_REFUSED', 'Socket/1.0')).toHaveLength(1));
  const socket = await TestSocket.signIn(node.url, user.accessToken, {
    headers: { 'user-agent': 'Socket/2.0' },
  });
  socket.send({ id: '1', type: 'subscribe', payload: { query: 'subscription { revocations { kind } }' } });
  await eventually(async () =>
    expect(await rows('ACCESS_DENIED', 'Socket/2.0')).toMatchObject([
      { user_id: user.user.id, reason: 'the field revocations', ip_address: '127.0.0.1' },
    ]),
  );
  socket.raw.terminate();
});

test('unknown and ended refresh tokens are recorded, without the tokens', async () => {
  const unknown = await node.api.refresh('A'.repeat(43));
  expect(await eventOf(unknown.headers.get('x-request-id'), 'REFRESH_TOKEN_REFUSED')).toMatchObject({
    user_id: null,
    reason: 'unknown',
  });
  const gone = await node.api.login('audited@example.com');
  await node.api.end('logout', gone.accessToken);
  const late = await node.api.refresh(gone.refreshToken);
  const row = await eventOf(late.headers.get('x-request-id'), 'REFRESH_TOKEN_REFUSED');
  expect(row).toMatchObject({ user_id: user.user.id, session_id: gone.session.id });
  expect(JSON.stringify(row)).not.toContain(gone.refreshToken);
});

test('a wrong or missing introspection secret is recorded', async () => {
  const wrong = await post('/oauth/introspect', { token: 'x' }, { authorization: 'Bearer wrong' });
  expect(await eventOf(wrong.headers.get('x-request-id'), 'INTROSPECTION_REFUSED')).toMatchObject({
    reason: 'the secret is wrong',
    user_agent: 'Test/1.0',
  });
  const none = await post('/oauth/introspect', { token: 'x' });
  await eventOf(none.headers.get('x-request-id'), 'INTROSPECTION_REFUSED');
});

test('a registration with a taken email is recorded, without the email', async () => {
  const answer = await node.api.send(
    'mutation($input: RegisterInput!) { register(input: $input) { accessToken } }',
    {
      input: { email: 'Audited@example.com', password: 'correct horse battery' },
    },
  );
  expect(answer.code).toBe('CONFLICT');
  const row = await eventOf(answer.headers.get('x-request-id'), 'REGISTRATION_REFUSED');
  expect(JSON.stringify(row)).not.toMatch(/audited@/i);
});

test('successful events name request and device, and administrators can read them', async () => {
  const answer = await node.api.send(
    'mutation { login(input: { email: "audited@example.com", password: "correct horse battery" }) { accessToken } }',
    {},
    undefined,
    AGENT,
  );
  const requestId = answer.headers.get('x-request-id');
  const events = await node.api.send(
    '{ auditEvents(first: 1) { edges { node { type requestId userAgent } } } }',
    {},
    admin.accessToken,
  );
  expect(node.api.expect(events).auditEvents.edges[0].node).toEqual({
    type: 'LOGIN_SUCCEEDED',
    requestId,
    userAgent: 'Test/1.0',
  });
});

test('while events cannot be recorded, requests are still refused and recorded later', async () => {
  const release = await world.hold('lock table audit_events in access exclusive mode');
  const answers = await Promise.all([1, 2, 3].map(() => node.api.me('forged')));
  expect(answers.map(({ reason }) => reason)).toEqual(['TOKEN_INVALID', 'TOKEN_INVALID', 'TOKEN_INVALID']);
  await release();
  for (const { headers } of answers) await eventOf(headers.get('x-request-id'), 'ACCESS_TOKEN_REFUSED');
});
