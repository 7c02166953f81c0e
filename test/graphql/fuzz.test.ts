import { createDocuments } from '../../src/graphql/documents';
import type { Actions } from '../../src/actions/actions';
import { HeaderMap } from '@apollo/server';
import DataLoader from 'dataloader';
import { serviceUnavailable } from '../../src/core/errors';
import { createApollo, createApolloBounds } from '../../src/graphql/apollo';
import type { Context } from '../../src/graphql/context';
import { composable, executable } from '../../src/graphql/compose';
import { createErrorFormatter, createPresenter } from '../../src/graphql/errors';
import { contextOf } from '../../src/graphql/own-context';
import { createOwnFields } from '../../src/graphql/own-fields';
import { createRequestPlugin } from '../../src/graphql/request-plugin';
import { createSchema } from '../../src/graphql/schema';
import { createSubscriptionReader } from '../../src/graphql/subscription-request';
import type { Principal } from '../../src/guard/guard';
import { createRandom, type Random } from '../chaos/random';

/** Part of every text that is sent. It must not appear in the log. */
const SECRET = 'Zebra7Quartz';

/** The number of documents per seed, and of seeds. FUZZ=100 takes some minutes. */
const PER_SEED = 150;
const SEEDS = Number(process.env.FUZZ ?? 4);

const VALID = [
  '{ me { id email sessions(first: 2) { id current } } }',
  'query Q($id: ID!, $if: Boolean = true) { user(id: $id) { id @include(if: $if) ...U } } fragment U on User { role }',
  '{ users(first: 3, search: "a", after: null) { edges { node { id } cursor } pageInfo { hasNextPage } } }',
  'query($first: Int = 2) { auditEvents(first: $first, userId: "1") { edges { node { type reason } } } }',
  `mutation M($i: LoginInput!) { login(input: $i) { accessToken user { id } } }`,
  `mutation { login(input: { email: "a@example.com", password: "${SECRET}" }) { accessToken } b: logout { scope } }`,
  `mutation($p: String = "${SECRET}") { deleteAccount(password: $p) { confirmed } }`,
  'mutation { setRole(userId: "1", role: ADMIN) { id } rotateSigningKey(revokeOld: true) { id } }',
  'subscription S($if: Boolean!) { sessionEnded { scope @skip(if: $if) current } }',
  'subscription { revocations { kind ... on Revocation { userId } } }',
  '{ __schema { types { name fields { name args { name } } } } __type(name: "User") { kind } }',
];

const PIECES = [
  ...[
    '{',
    '}',
    '(',
    ')',
    '[',
    ']',
    ':',
    '!',
    '$',
    '=',
    '...',
    '@',
    '|',
    '&',
    '"',
    '"""',
    '#',
    '\\',
    '\0',
    '\ud800',
  ],
  ...[
    'null',
    'true',
    '1',
    '-1',
    '1e400',
    '99999999999',
    '"text"',
    '[1]',
    '{a: 1}',
    'ADMIN',
    '$id',
    '$if',
    '$p',
    '$x',
  ],
  ...['@skip(if: null)', '@include', '@skip(if: $if)', '@skip(if: $x)', '@deprecated', '@defer', '@oneOf'],
  ...[
    'me',
    'user',
    'sessions',
    'id',
    '__typename',
    '__schema',
    '__proto__',
    'constructor',
    'on',
    'fragment F on User',
  ],
  ...[
    '...U',
    '...F',
    '... on Query',
    '... @include(if: $if)',
    'query',
    'mutation',
    'subscription',
    'first: -1',
    'a: id',
  ],
];

const VALUES = [
  null,
  true,
  0,
  -1,
  1e9,
  '',
  SECRET,
  '1',
  [],
  ['1'],
  {},
  { email: SECRET },
  { __typename: 1 },
  '\ud800',
];

const tokensOf = (document: string): string[] => document.match(/"[^"]*"|\w+|\.\.\.|\S/g) ?? [];

/** A document with a few tokens changed, dropped, doubled or swapped. */
function mutate(random: Random): string {
  const tokens = tokensOf(random.pick(VALID));
  for (let change = random.whole(1, 4); change > 0; change--) {
    const at = random.whole(0, tokens.length - 1);
    const other = tokensOf(random.pick(VALID));
    random.weighted<() => void>([
      [3, () => tokens.splice(at, 1, random.pick(PIECES))],
      [3, () => tokens.splice(at, 0, random.pick(PIECES))],
      [2, () => tokens.splice(at, random.whole(1, 3))],
      [2, () => tokens.splice(at, 0, ...tokens.slice(at, at + random.whole(1, 8)))],
      [1, () => tokens.push(...other)],
    ])();
  }
  return tokens.join(' ');
}

function request(random: Random) {
  const names = ['id', 'if', 'i', 'p', 'first', 'x', 'none'];
  const variables: Record<string, unknown> = {};
  for (const name of names) if (random.chance(0.4)) variables[name] = random.pick(VALUES);
  const operationName = random.weighted<string | null | undefined>([
    [6, undefined],
    [1, null],
    [1, random.pick(['Q', 'M', 'S', 'x', ''])],
  ]);
  return { query: mutate(random), variables, operationName };
}

const logged: string[] = [];
const log = (details: object, message: string) =>
  void logged.push(
    JSON.stringify([message, details], (_key, value: unknown) =>
      value instanceof Error ? [value.name, value.message, value.stack] : value,
    ),
  );
const logger = { debug: log, info: log, warn: log, error: log };

/** Use cases that are all unavailable: an operation runs and has no effect. */
const actions = new Proxy({} as Actions, { get: () => () => Promise.reject(serviceUnavailable()) });
const production = false;
const own = createSchema(actions);
const schema = executable(composable(own, createPresenter({ logger })));
const requestIds = new WeakMap<object, string | undefined>();
const recordRefusal = () => undefined;
const documents = createDocuments({ schema, production });
const apollo = createApollo(
  {
    schema,
    apolloOptions: createApolloBounds({ logger, production, requestIds }),
    apolloPlugin: createRequestPlugin({
      logger,
      recordRefusal,
      httpStatus: 'errors',
      requestIds,
      own: createOwnFields(own),
    }),
  },
  documents,
);
const readSubscription = createSubscriptionReader({ schema, production, documents });
const formatError = createErrorFormatter({ logger, production });

const auth = { ok: true, principal: { userId: '1', sessionId: '1', role: 'ADMIN' } as Principal } as const;
const newContext = (): Context => ({
  hasMutated: false,
  outcome: {},
  auth,
  authenticate: () => Promise.resolve(auth),
  deadline: performance.now() + 60_000,
  client: { ipAddress: '127.0.0.1', userAgent: undefined },
  refreshCookie: undefined,
  setRefreshCookie: () => undefined,
  clearRefreshCookie: () => undefined,
  receipts: [],
  users: new DataLoader(() => Promise.reject(serviceUnavailable())),
  sessions: new DataLoader(() => Promise.reject(serviceUnavailable())),
});

/** The codes of an HTTP answer, as the route makes it. */
async function codesOverHttp(body: ReturnType<typeof request>): Promise<unknown[]> {
  const read = documents.read(body.query);
  if (!('kind' in read)) return read.map((error) => formatError(error.toJSON(), error).extensions?.code);
  const headers = new HeaderMap([['content-type', 'application/json']]);
  const answer = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: { method: 'POST', headers, search: '', body },
    context: () => Promise.resolve(contextOf(newContext())),
  });
  if (answer.body.kind !== 'complete') return ['IN_PARTS'];
  const { errors = [] } = JSON.parse(answer.body.string) as { errors?: { extensions: { code: string } }[] };
  return errors.map(({ extensions }) => extensions.code);
}

/** The codes of a socket's answer to a subscription. */
function codesOverSocket(body: ReturnType<typeof request>): unknown[] {
  const read = readSubscription(body);
  return 'document' in read ? [] : read.map((error) => formatError(error.toJSON(), error).extensions?.code);
}

beforeAll(() => apollo.start());
afterAll(() => apollo.stop());

test.each(Array.from({ length: SEEDS }, (_, i) => `seed ${i}`))(
  'no document causes an unexpected error or is quoted in the log: %s',
  async (seed) => {
    const random = createRandom(seed);
    for (let i = 0; i < PER_SEED; i++) {
      const body = request(random);
      logged.length = 0;
      const codes = [...(await codesOverHttp(body)), ...codesOverSocket(body)];
      const faults = codes.filter((code) => typeof code !== 'string' || code === 'INTERNAL_SERVER_ERROR');
      expect({ body, faults, quoted: logged.filter((line) => line.includes(SECRET)) }).toEqual({
        body,
        faults: [],
        quoted: [],
      });
    }
  },
);
