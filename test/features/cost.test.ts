import { Client } from 'pg';
import { untilViewIsCurrent } from '../support/probes';
import { createWorld, type TestNode, type World } from '../support/world';
import { RECEIPT, type Tokens } from '../support/api';

const repeat = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ');

const PASSWORD = 'correct horse battery';
const LOGIN = `login(input: {email: "many@example.com", password: "${PASSWORD}"})`;

/** So long that the view stays current on a busy machine: then no check adds a statement. */
const LEASE = { REVOCATION_LEASE: '3s' };

let world: World;
let node: TestNode;
let admin: Tokens;

beforeAll(async () => {
  world = await createWorld();
  node = await world.node({ ...LEASE, NODE_ENV: 'production', SESSIONS_PER_USER: '12' });
  await untilViewIsCurrent(node);
  admin = await node.api.loginAsAdmin();
});
afterAll(() => world.close());

/** Runs `work` and returns the statements in which this process read users, sessions or events. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const seen: string[] = [];
  const query = jest.spyOn(Client.prototype, 'query').mockName('query');
  try {
    await work();
    for (const [statement] of query.mock.calls as unknown as [string | { text: string }][]) {
      const text = typeof statement === 'string' ? statement : statement.text;
      if (/\b"?(users|sessions|audit_events)"?\b/.test(text)) seen.push(text);
    }
  } finally {
    query.mockRestore();
  }
  return seen;
}

describe('the cost of one request', () => {
  const STATEMENTS = 10;

  test('the account of the caller is one statement, however often it is requested', async () => {
    const query = `{ ${repeat(95, (i) => `a${i}: me { id }`)} }`;
    const statements = await statementsOf(async () => {
      const { data } = await node.api.send(query, {}, admin.accessToken);
      expect(Object.keys(data as object)).toHaveLength(95);
    });
    expect(statements).toHaveLength(1);
  });

  test('accounts and their sessions are two statements, however many are requested', async () => {
    const query = `query($id: ID!) { ${repeat(20, (i) => `a${i}: user(id: $id) { sessions(first: ${i + 1}) { id } } b${i}: me { sessions { id } }`)} }`;
    const statements = await statementsOf(async () => {
      const answer = await node.api.send(query, { id: admin.user.id }, admin.accessToken);
      expect(answer.errors).toBeUndefined();
    });
    expect(statements).toHaveLength(2);
  });

  test('a request may hold three pages, not four, and runs at most ten statements', async () => {
    const pages = (count: number) =>
      `{ me { sessions(first: 1) { id } } user(id: "${admin.user.id}") { id }
         ${repeat(count, (i) => `a${i}: users(first: 10) { edges { node { sessions(first: ${i + 1}) { id } } } }`)} }`;
    const statements = await statementsOf(async () => {
      expect((await node.api.send(pages(3), {}, admin.accessToken)).errors).toBeUndefined();
    });
    expect(statements.length).toBeLessThanOrEqual(STATEMENTS);
    expect(await node.api.send(pages(4), {}, admin.accessToken)).toMatchObject({
      status: 400,
      code: 'BAD_USER_INPUT',
    });
  });

  test('sessions nested in many aliased sessions are refused before any statement', async () => {
    const query = `{ ${repeat(27, (i) => `x${i}: me { ...M }`)} }
      fragment M on User { ${repeat(27, (i) => `a${i}: sessions { ...S }`)} }
      fragment S on Session { id current userAgent ipAddress createdAt lastUsedAt expiresAt }`;
    const statements = await statementsOf(async () => {
      expect(await node.api.send(query, {}, admin.accessToken)).toMatchObject({
        status: 400,
        code: 'BAD_USER_INPUT',
      });
    });
    expect(statements).toEqual([]);
  });

  test('the largest permitted answer is small', async () => {
    const fields = 'id current ipAddress createdAt lastUsedAt expiresAt userAgent';
    const query = `{ ${repeat(6, (i) => `a${i}: me { sessions(first: 100) { ${fields} ${repeat(i, (j) => `b${j}: id`)} } }`)} }`;
    const answer = await node.api.send(query, {}, admin.accessToken);
    expect(answer.errors).toBeUndefined();
    expect(JSON.stringify(answer.data).length).toBeLessThan(1e6);
  });

  test('nested introspection is refused, and the full introspection query is answered', async () => {
    const open = await world.node(LEASE);
    const nested = `{ __schema { types { ${repeat(40, (i) => `a${i}: fields { ...F }`)} } } }
      fragment F on __Field { type { ${repeat(40, (i) => `b${i}: fields { name }`)} ofType { name } } }`;
    expect(await open.api.send(nested)).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
    const { getIntrospectionQuery } = await import('graphql');
    const full = await open.api.send(getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true }));
    expect(full.errors).toBeUndefined();
    expect(full.data.__schema.types.length).toBeGreaterThan(20);
  });

  test('a variable with many faults gets a few errors, without names from the schema', async () => {
    const input = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`emai${i}`, 'x']));
    const answer = await node.api.send('mutation($i: LoginInput!) { login(input: $i) { accessToken } }', {
      i: { ...input, emial: 'x' },
    });
    expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
    expect(answer.errors?.length).toBeLessThanOrEqual(6);
    expect(JSON.stringify(answer.errors)).not.toMatch(/Did you mean/);
  });
});

describe('a list of sessions', () => {
  let user: Tokens;
  const page = async (args: string) => {
    const answer = await node.api.send(`{ me { sessions${args} { id } } }`, {}, user.accessToken);
    return (node.api.expect(answer).me.sessions as { id: string }[]).map(({ id }) => id);
  };

  beforeAll(async () => {
    await node.api.register('pages@example.com');
    for (let i = 0; i < 5; i++) user = await node.api.login('pages@example.com');
  });

  test('comes in pages', async () => {
    const all = await page('');
    expect(all).toHaveLength(6);
    expect(all[0]).toBe(user.session.id);
    expect(await page('(first: 2)')).toEqual(all.slice(0, 2));
    expect(await page(`(first: 3, after: "${all[1]}")`)).toEqual(all.slice(2, 5));
    expect(await page(`(after: "${all[5]}")`)).toEqual([]);
    // A session that has ended since still marks its place.
    await node.api.end(`logoutSession(sessionId: "${all[2]}")`, user.accessToken);
    expect(await page(`(after: "${all[2]}")`)).toEqual(all.slice(3));
  });

  test.each(['after: "nothing"', `after: "${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}"`])(
    'has no page after what is not in it: %s',
    async (after) => expect(await page(`(${after})`)).toEqual([]),
  );

  test("has no page after another user's session", async () => {
    expect(await page(`(after: "${admin.session.id}")`)).toEqual([]);
  });

  test.each([0, -1, 101])('has no page of %d', async (first) => {
    const answer = await node.api.send(
      `{ me { ok: sessions { id } sessions(first: ${first}) { id } } }`,
      {},
      user.accessToken,
    );
    expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
  });
});

describe('SESSIONS_PER_USER', () => {
  let first: Tokens;
  let other: TestNode;

  beforeAll(async () => {
    other = await world.node({ ...LEASE, SESSIONS_PER_USER: '12' });
    first = await node.api.register('many@example.com');
    await node.api.send(`mutation { ${repeat(10, (i) => `a${i}: ${LOGIN} { accessTokenExpiresAt }`)} }`);
    await node.api.login('many@example.com');
  });

  const live = () =>
    world.sql<{ id: string }>(
      'select s.id from sessions s join users u on u.id = s.user_id where u.email = $1 and s.ended_at is null',
      ['many@example.com'],
    );

  test('one session more ends the least recently used one, on every node, confirmed and recorded', async () => {
    expect(await live()).toHaveLength(12);
    expect((await other.api.me(first.accessToken)).status).toBe(200);
    const answer = await node.api.send(`mutation { ${LOGIN} { accessToken session { id } } }`);
    expect(answer.extensions?.revocations).toEqual([
      expect.objectContaining({ scope: 'SESSION', endedSessions: 1, confirmed: true }),
    ]);
    expect(await other.api.me(first.accessToken)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
    expect(await node.api.me(first.accessToken)).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
    expect(await node.api.refresh(first.refreshToken)).toMatchObject({ code: 'REFRESH_TOKEN_INVALID' });
    expect(await live()).toHaveLength(12);
    const [event] = await world.sql<{ session_id: string; reason: string }>(
      "select session_id, reason from audit_events where type = 'OLDEST_SESSION_ENDED'",
    );
    expect(event).toEqual({
      session_id: first.session.id,
      reason: 'A user has at most 12 sessions. This many were ended: 1.',
    });
  });

  test('a session in use stays', async () => {
    const oldest = await world.sql<{ id: string }>(
      `select s.id from sessions s join users u on u.id = s.user_id where u.email = $1 and s.ended_at is null
       order by last_used_at, s.id limit 2`,
      ['many@example.com'],
    );
    await world.sql('update sessions set last_used_at = now() where id = $1', [oldest[0]?.id]);
    await node.api.login('many@example.com');
    const ids = (await live()).map(({ id }) => id);
    expect(ids).toContain(oldest[0]?.id);
    expect(ids).not.toContain(oldest[1]?.id);
  });

  test('concurrent logins do not exceed the limit', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, i) => (i % 2 ? node : other).api.login('many@example.com')),
    );
    expect(await live()).toHaveLength(12);
  });

  test('a lower limit applies from the next login', async () => {
    const lower = await world.node({ ...LEASE, SESSIONS_PER_USER: '3' });
    const answer = await lower.api.send(`mutation { ${LOGIN} { session { id } } }`);
    expect(answer.extensions?.revocations).toEqual([
      expect.objectContaining({ endedSessions: 10, confirmed: true }),
    ]);
    expect(await live()).toHaveLength(3);
  });
});

describe('the deadline of an operation', () => {
  test('a query beyond the deadline is answered with 503', async () => {
    const hasty = await world.node({ ...LEASE, OPERATION_TIMEOUT: '1s' });
    const { accessToken } = await hasty.api.loginAsAdmin();
    const release = await world.hold('lock table users in access exclusive mode');
    try {
      const startedAt = performance.now();
      expect(await hasty.api.send('{ me { id } }', {}, accessToken)).toMatchObject({
        status: 503,
        code: 'SERVICE_UNAVAILABLE',
      });
      // One statement is given up after five seconds.
      expect(performance.now() - startedAt).toBeLessThan(4500);
    } finally {
      await release();
    }
  });

  test('of several mutations, the ones not begun in time are refused', async () => {
    const hasty = await world.node({ ...LEASE, OPERATION_TIMEOUT: '1s' });
    const { accessToken } = await hasty.api.register('late@example.com');
    const release = await world.hold('lock table sessions in access exclusive mode');
    const asked = hasty.api.send(
      `mutation { a: logoutEverywhere ${RECEIPT} b: logoutEverywhere ${RECEIPT} }`,
      {},
      accessToken,
    );
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await release();
    const answer = await asked;
    expect(answer).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    expect(answer.errors).toHaveLength(1);
    expect(answer.errors?.[0]?.path).toEqual(['b']);
    expect(answer.extensions).toBeUndefined();
    expect(await hasty.api.me(accessToken)).toMatchObject({ reason: 'TOKEN_REVOKED' });
  });
});

describe('each mutation of a request is checked anew', () => {
  test('after demoting themselves, an administrator can change no role', async () => {
    const second = await node.api.register('second@example.com');
    const friend = await node.api.register('friend@example.com');
    const setRole = (userId: string, role: string) =>
      `setRole(userId: "${userId}", role: ${role}) { id role }`;
    await node.api.send(`mutation { ${setRole(second.user.id, 'ADMIN')} }`, {}, admin.accessToken);
    const { accessToken } = (await node.api.refresh(second.refreshToken)).data.refresh as Tokens;
    const answer = await node.api.send(
      `mutation { a: ${setRole(second.user.id, 'USER')} b: ${setRole(friend.user.id, 'ADMIN')} }`,
      {},
      accessToken,
    );
    expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', reason: 'TOKEN_REVOKED' });
    expect(await world.sql('select role from users where id = $1', [friend.user.id])).toEqual([
      { role: 'USER' },
    ]);
  });

  test('after a logout, the rest of its request is refused', async () => {
    const { accessToken } = await node.api.register('twice@example.com');
    const answer = await node.api.send(
      `mutation { a: logout ${RECEIPT} b: logoutEverywhere ${RECEIPT} c: logoutOthers { accessToken } }`,
      {},
      accessToken,
    );
    expect(answer.errors?.map(({ path, extensions: { reason } }) => [path?.[0], reason])).toEqual([
      ['b', 'TOKEN_REVOKED'],
    ]);
  });
});
