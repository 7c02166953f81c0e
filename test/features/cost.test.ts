import { Client } from 'pg';
import { untilViewIsCurrent } from '../support/probes';
import { repeat } from '../support/repeat';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import { RECEIPT } from '../support/api';

/** So long that the view stays current on a busy machine: then no check adds a statement. */
const LEASE = { REVOCATION_LEASE: '3s' };

const world = sharedWorld();
const [node] = sharedNodes(world, { ...LEASE, NODE_ENV: 'production' });
beforeAll(() => untilViewIsCurrent(node));
const admin = shared(() => node.api.loginAsAdmin());

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

  test.each([
    [
      'the size of a page',
      'query($v: Int) { a: users(first: $v) { PAGE } b: users(first: $v) { PAGE } c: users(first: $v) { PAGE } }',
      1,
      100,
    ],
    [
      'a condition',
      `query($v: Boolean!) { me { id } ${repeat(4, (i) => `a${i}: users @include(if: $v) { PAGE }`)} }`,
      false,
      true,
    ],
  ] as const)('one document costs what %s in its variables makes it cost', async (_, text, cheap, dear) => {
    const query = text.replaceAll('PAGE', `edges { node { ${repeat(20, (i) => `a${i}: id`)} } }`);
    const ask = async (v: unknown) => (await node.api.send(query, { v }, admin.accessToken)).status;
    expect([await ask(cheap), await ask(dear), await ask(cheap)]).toEqual([200, 400, 200]);
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

describe('the deadline of an operation', () => {
  test('a query beyond the deadline is answered with 503', async () => {
    const hasty = await world.node({ ...LEASE, OPERATION_TIMEOUT: '1s' });
    await untilViewIsCurrent(hasty);
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
    await untilViewIsCurrent(hasty);
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
    const { accessToken } = await node.api.refreshed(second);
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
