import { ADMIN, PASSWORD, type Tokens } from '../support/api';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import { DOCUMENTS } from './wrong-input/documents';
import { NOT_HTTP } from './wrong-input/not-http';
import { SIGN_IN } from './wrong-input/sign-in';
import { TRANSPORT } from './wrong-input/transport';
import { VALUES } from './wrong-input/values';
import {
  type Given,
  type Reply,
  SECRET,
  SHORT_SECRET,
  COMMON_SECRET,
  send,
  sendBytes,
  login,
  halfOf,
} from './wrong-input/requests';

const LEAKS =
  /node_modules|\bat \S+ \(|\.[jt]s:\d|stack|QueryFailed|TypeError|RangeError|\bselect\b.*\bfrom\b|insert into|relation "|ECONN/i;

describe('wrong input', () => {
  const world = sharedWorld();
  const [node, proxied] = sharedNodes(world, {}, { TRUST_PROXY: 'true' });
  const given = shared<Given>(async () => ({
    admin: await node.api.loginAsAdmin(),
    user: await node.api.register('user@example.com'),
  }));

  /** Secrets that were sent or could be guessed, and must not be repeated. */
  const secrets = () => [
    SECRET,
    SHORT_SECRET,
    COMMON_SECRET,
    COMMON_SECRET.toUpperCase(),
    '7351846209',
    ADMIN.password,
    PASSWORD,
    ...Object.values(given).flatMap(({ accessToken, refreshToken }: Tokens) => [
      halfOf(accessToken),
      halfOf(refreshToken),
    ]),
  ];
  const expectNoSecrets = (text: string) => {
    for (const secret of secrets()) expect(text).not.toContain(secret);
  };

  const expectClearError = ({ status, type, text }: Reply, expected: { status: number; code: string }) => {
    const { errors, ...rest } = JSON.parse(text) as {
      errors: { message: string; extensions: Record<string, unknown> }[];
    };
    expect({ status, code: errors[0]?.extensions.code, type }).toEqual({
      ...expected,
      type: expect.stringMatching(/^application\/(graphql-response\+)?json\b/) as string,
    });
    for (const { message, extensions } of errors) {
      // One line in the form of a sentence.
      expect(message).toMatch(/^["'`A-Z].*[.?]$/);
      expect(extensions.code).toMatch(/^[A-Z_]+$/);
    }
    expect(JSON.stringify(rest).length).toBeLessThan(200);
    expect(text).not.toMatch(LEAKS);
    expectNoSecrets(text);
  };

  describe.each([
    ['of a request that never reaches GraphQL', TRANSPORT],
    ['of a document', DOCUMENTS],
    ['of a value', VALUES],
    ['of a sign-in', SIGN_IN],
  ])('an error %s is clear', (_kind, cases) => {
    test.each(cases)('%s', async (_name, wrong, status, code) => {
      expectClearError(await send(node.url, typeof wrong === 'function' ? wrong(given) : wrong), {
        status,
        code,
      });
    });
  });

  test.each(NOT_HTTP)('bytes that are not HTTP get a clear error: %s', async (_name, bytes, status) => {
    expectClearError(await sendBytes(node.url, bytes), { status, code: 'BAD_REQUEST' });
  });

  test.each(['a ', 'must be,', 'x', '; ', ' at "', 'got invalid value '])(
    'a name of 25 kB, of %j only, is neither pondered nor sent back',
    async (part) => {
      const name = part.repeat(25_000 / part.length);
      const reply = await send(node.url, login({ email: 'a@example.com', password: SECRET, [name]: 1 }));
      expectClearError(reply, { status: 400, code: 'BAD_USER_INPUT' });
      expect(reply.text.length).toBeLessThan(1000);
    },
  );

  // A query for something missing is not an error.
  test.each([
    ['an account by an id that names nothing', '{ user(id: "nobody") { id } }', { user: null }],
    ['an account by an id with a null byte', '{ user(id: "\\u0000") { id } }', { user: null }],
    [
      'the events of nobody',
      '{ auditEvents(userId: "nobody") { edges { cursor } } }',
      { auditEvents: { edges: [] } },
    ],
    [
      'a search of signs that SQL knows',
      '{ users(search: "%_\\\\\'") { edges { cursor } } }',
      { users: { edges: [] } },
    ],
    [
      'first: null',
      '{ users(first: null) { pageInfo { hasNextPage } } }',
      { users: { pageInfo: { hasNextPage: false } } },
    ],
  ])('a query for something missing gets an empty answer: %s', async (_name, query, data) => {
    expect(await node.api.send(query, {}, given.admin.accessToken)).toMatchObject({ status: 200, data });
  });

  test('an unpaired surrogate matches nothing and is not stored', async () => {
    const { api } = node;
    const search = await api.send(
      'query($half: String) { users(search: $half) { edges { cursor } } }',
      { half: '\ud83d' },
      given.admin.accessToken,
    );
    expect(search).toMatchObject({ status: 200, data: { users: { edges: [] } } });
    const reason = await api.send(
      'mutation($id: ID!, $half: String) { forceLogout(userId: $id, reason: $half) { confirmed } }',
      { id: (await api.register('half@example.com')).user.id, half: '\ud83d' },
      given.admin.accessToken,
    );
    expect(reason).toMatchObject({ status: 200, data: { forceLogout: { confirmed: true } } });
  });

  test('a mutation whose answer the client does not accept is not run', async () => {
    const { accessToken } = await node.api.register('picky@example.com');
    const answer = await node.api.send('mutation { logout { scope } }', {}, accessToken, {
      accept: 'image/png',
    });
    expect(answer).toMatchObject({ status: 406, code: 'BAD_REQUEST' });
    expect((await node.api.me(accessToken)).status).toBe(200);
  });

  const NONSENSE = ["'; drop table users; --", '1.2.3.4.5', ',,,', '[::', 'a b'];
  const loginThrough = (header: string, value: string) => {
    const { headers, body } = login({ email: 'user@example.com', password: PASSWORD });
    return send(proxied.url, { headers: { ...headers, [header]: value }, body });
  };

  test.each(NONSENSE)('a client that its proxy names %s can sign in', async (address) => {
    expect((await loginThrough('x-forwarded-for', address)).status).toBe(200);
  });

  test.each(NONSENSE)('a request for the host %s gets a clear error', async (address) => {
    for (const header of ['x-forwarded-host', 'x-forwarded-proto']) {
      expectClearError(await loginThrough(header, address), { status: 400, code: 'BAD_REQUEST' });
    }
  });

  test('afterwards the server works, and its log holds no unexpected error and no secret', async () => {
    const again = await node.api.login('user@example.com');
    for (const { accessToken } of [again, given.user, given.admin]) {
      expect((await node.api.me(accessToken)).status).toBe(200);
    }
    const lines = [...node.log, ...proxied.log].map((line) => JSON.parse(line) as { level: number });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
    expectNoSecrets([...node.log, ...proxied.log].join('\n'));
  });
});
