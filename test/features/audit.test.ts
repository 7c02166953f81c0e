import { PASSWORD } from '../support/api';
import { eventually } from '../support/eventually';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import { socketOpener } from '../support/socket';
import { createWorld } from '../support/world';

const sockets = socketOpener();

// OWASP ASVS 16.3.1 to 16.3.3.
const world = sharedWorld(() => createWorld({ redis: null }));
const [node] = sharedNodes(world, { INTROSPECTION_SECRET: 'only for tests: 9cKq3uTz5wQe8rYb1m' });
const user = shared(() => node.api.register('audited@example.com'));
const admin = shared(() => node.api.loginAsAdmin());

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
  const forged = await sockets.open(node, { headers: { 'user-agent': 'Socket/1.0' } });
  forged.authorize('Bearer forged');
  await eventually(async () => expect(await rows('ACCESS_TOKEN_REFUSED', 'Socket/1.0')).toHaveLength(1));
  const socket = await sockets.open(node, { headers: { 'user-agent': 'Socket/2.0' } });
  socket.authorize(`Bearer ${user.accessToken}`);
  await socket.receive('connection_ack');
  socket.subscribe('subscription { revocations { kind } }');
  await eventually(async () =>
    expect(await rows('ACCESS_DENIED', 'Socket/2.0')).toMatchObject([
      { user_id: user.user.id, reason: 'the field revocations', ip_address: '127.0.0.1' },
    ]),
  );
});

test('unknown and ended refresh tokens are recorded, without the tokens', async () => {
  const unknown = await node.api.refresh('A'.repeat(84));
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
  const answer = await node.api.tryRegister('Audited@example.com');
  expect(answer.code).toBe('CONFLICT');
  const row = await eventOf(answer.headers.get('x-request-id'), 'REGISTRATION_REFUSED');
  expect(JSON.stringify(row)).not.toMatch(/audited@/i);
});

test('successful events name request and device, and administrators can read them', async () => {
  const answer = await node.api.tryLogin('audited@example.com', PASSWORD, AGENT);
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

/** The two newest events of a user, or the two after a cursor. */
const pageOf = async (id: string, after: string | null = null) => {
  const answer = await node.api.send(
    `query($id: ID, $after: String) { auditEvents(userId: $id, first: 2, after: $after) {
      edges { node { type userId actorId reason ipAddress createdAt } } pageInfo { hasNextPage endCursor } } }`,
    { id, after },
    admin.accessToken,
  );
  return node.api.expect(answer).auditEvents;
};

test('the audit log has actor, user, reason and address of each event, newest first', async () => {
  const { user } = await node.api.register('watched@example.com');
  await node.api.tryLogin('watched@example.com', 'wrong');
  await eventually(async () =>
    expect(
      await world.sql(`select 1 from audit_events where type = 'LOGIN_FAILED' and user_id = $1`, [user.id]),
    ).toHaveLength(1),
  );
  await node.api.end(`forceLogout(userId: "${user.id}", reason: "lost phone")`, admin.accessToken);
  const { edges, pageInfo } = await pageOf(user.id);
  expect(pageInfo.hasNextPage).toBe(true);
  const [actorId, ipAddress] = [admin.user.id, '127.0.0.1'];
  expect(edges.map((edge: any) => edge.node)).toMatchObject([
    { type: 'FORCED_LOGOUT', userId: user.id, actorId, reason: 'lost phone', ipAddress },
    { type: 'LOGIN_FAILED', userId: user.id, actorId: null, reason: null },
  ]);
});

test('pages of the audit log show each event once, even those of one moment', async () => {
  const { user } = await node.api.register('audit-pages@example.com');
  // Two in one microsecond and one in the microsecond before: a page may end between any two.
  await world.sql(
    `insert into audit_events (type, user_id, reason, created_at)
     select 'LOGIN_FAILED', $1, n::text, timestamptz '2030-01-01' + (n / 2) * interval '1 microsecond'
     from generate_series(1, 7) n`,
    [user.id],
  );
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { edges, pageInfo }: any = await pageOf(user.id, after);
    seen.push(...edges.map((edge: any) => edge.node.reason));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  const times = seen.slice(0, 7).map((reason) => Math.floor(Number(reason) / 2));
  expect(times).toEqual([3, 3, 2, 2, 1, 1, 0]);
  expect(new Set(seen.slice(0, 7)).size).toBe(7);
  // The event of the registration, which is older.
  expect(seen).toHaveLength(8);
});

test('while events cannot be recorded, requests are still refused and recorded later', async () => {
  const release = await world.hold('lock table audit_events in access exclusive mode');
  const answers = await Promise.all([1, 2, 3].map(() => node.api.me('forged')));
  expect(answers.map(({ reason }) => reason)).toEqual(['TOKEN_INVALID', 'TOKEN_INVALID', 'TOKEN_INVALID']);
  await release();
  for (const { headers } of answers) await eventOf(headers.get('x-request-id'), 'ACCESS_TOKEN_REFUSED');
});
