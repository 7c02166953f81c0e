import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { graphql, parse, printSchema } from 'graphql';
import type { Actions } from '../../src/actions/actions';
import { MOST_REPRESENTATIONS } from '../../src/graphql/federation.resolver';
import { createSchema } from '../../src/graphql/schema';
import { createTokenfence } from '../../src/server';
import { Api, type Tokens } from '../support/api';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import { TEST_ENV } from '../support/world';

const world = sharedWorld();
const [node, production, plain] = sharedNodes(
  world,
  { FEDERATION: 'on' },
  { FEDERATION: 'on', NODE_ENV: 'production' },
  {},
);
const user = shared(() => node.api.newUser());
const other = shared(() => node.api.newUser());
const admin = shared(() => node.api.loginAsAdmin());

const ENTITIES = `query($them: [_Any!]!) {
  _entities(representations: $them) { ... on User { id email role sessions { id current } } }
}`;
const NOBODY = '00000000-0000-4000-8000-000000000000';

/** What a gateway gets that passes on this token. */
const ask = (them: unknown[], token?: string, query = ENTITIES) => node.api.send(query, { them }, token);
const named = (...ids: unknown[]) => ids.map((id) => ({ __typename: 'User', id }));
const codesOf = async (...args: Parameters<typeof ask>) =>
  ((await ask(...args)).errors ?? []).map(({ path, extensions }) => [...(path ?? []), extensions.code]);

test('users get their own account, with their sessions', async () => {
  const { accessToken, session } = user;
  const { id, email } = user.user;
  const own = { id, email, role: 'USER', sessions: [{ id: session.id, current: true }] };
  expect(await ask(named(id, id.toUpperCase()), accessToken)).toMatchObject({
    status: 200,
    data: { _entities: [own, own] },
  });
});

test('users learn nothing of another account, not even whether it exists', async () => {
  const { data, errors, status } = await ask(
    named(other.user.id, NOBODY, admin.user.id, user.user.id),
    user.accessToken,
  );
  expect(status).toBe(200);
  expect(data._entities).toEqual([null, null, null, expect.objectContaining({ id: user.user.id })]);
  expect(errors!.map(({ path, extensions }) => [...path!, extensions.code])).toEqual([
    ['_entities', 0, 'FORBIDDEN'],
    ['_entities', 1, 'FORBIDDEN'],
    ['_entities', 2, 'FORBIDDEN'],
  ]);
  expect(new Set(errors!.map(({ message }) => message)).size).toBe(1);
});

test('administrators get every account, and null for one that is not there', async () => {
  const { data, errors } = await ask(named(other.user.id, NOBODY, '1', user.user.id), admin.accessToken);
  expect(errors).toBeUndefined();
  expect(data._entities.map((each: { email: string } | null) => each?.email)).toEqual([
    other.user.email,
    undefined,
    undefined,
    user.user.email,
  ]);
});

test.each<[string, () => Promise<string | undefined>, string]>([
  ['no token', async () => Promise.resolve(undefined), 'TOKEN_MISSING'],
  ['an invalid token', async () => Promise.resolve('nonsense'), 'TOKEN_INVALID'],
  [
    'a token of a session that has ended',
    async () => {
      const { accessToken } = await node.api.login(user.user.email);
      await node.api.end('logout', accessToken);
      return accessToken;
    },
    'TOKEN_REVOKED',
  ],
])('%s gets no account', async (_what, token, reason) => {
  expect(await ask(named(user.user.id, NOBODY), await token())).toMatchObject({
    data: { _entities: [null, null] },
    errors: [
      { path: ['_entities', 0], extensions: { code: 'UNAUTHENTICATED', reason } },
      { path: ['_entities', 1], extensions: { code: 'UNAUTHENTICATED', reason } },
    ],
  });
});

test('what is not a user with an id is refused by itself, and nothing else of it is read', async () => {
  const wrong = ['User', 1, [], {}, { __typename: 'User' }, { __typename: 'Session', id: user.session.id }];
  const ids = named(1, null, { $ne: null }, ['x']);
  const [good] = named(user.user.id);
  const forged = { ...good, role: 'ADMIN', email: 'forged@example.com' };
  const { data, errors } = await ask([...wrong, ...ids, forged], user.accessToken);
  expect(errors!.map(({ extensions }) => extensions.code)).toEqual(
    [...wrong, ...ids].map(() => 'BAD_USER_INPUT'),
  );
  expect(data._entities.at(-1)).toMatchObject({ email: user.user.email, role: 'USER' });
  expect(node.log.filter((line) => line.includes('"level":50'))).toEqual([]);
});

test('a request may name 400 users, and no more, however it names them', async () => {
  const short = 'query($them: [_Any!]!) { _entities(representations: $them) { ... on User { id } } }';
  const most = Array.from({ length: MOST_REPRESENTATIONS }, () => ({ __typename: 'User', id: '1' }));
  const admins = (await ask(most, admin.accessToken, short)).data._entities as unknown[];
  expect(admins).toHaveLength(400);
  expect(await codesOf([...most, most[0]], admin.accessToken, short)).toEqual([
    ['_entities', 'BAD_USER_INPUT'],
  ]);
  const several = (count: number) =>
    `query($them: [_Any!]!) { ${Array.from(
      { length: count },
      (_, i) => `a${i}: _entities(representations: $them) { ... on User { id email role } }`,
    ).join(' ')} }`;
  expect(await codesOf(most, admin.accessToken, several(6))).toEqual([]);
  expect(await ask(most, admin.accessToken, several(7))).toMatchObject({
    status: 400,
    code: 'BAD_USER_INPUT',
  });
});

test('the fields of gateways are there only with FEDERATION=on', async () => {
  const _service = '{ _service { sdl } }';
  for (const query of [_service, '{ _entities(representations: []) { __typename } }']) {
    expect(await plain.api.send(query)).toMatchObject({ status: 400, code: 'GRAPHQL_VALIDATION_FAILED' });
  }
  expect((await node.api.send(_service)).data._service.sdl).toContain('type User @key(fields: "id")');
});

test('in production only administrators get the schema', async () => {
  const service = (tokens?: Tokens) => production.api.send('{ _service { sdl } }', {}, tokens?.accessToken);
  expect(await service()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  expect(await service(user)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
  expect((await service(admin)).data._service.sdl).toContain('type User @key(fields: "id")');
});

test('the schema for gateways is the one that is served, and a subgraph of Federation 2', async () => {
  const { sdl } = (await node.api.send('{ _service { sdl } }')).data._service as { sdl: string };
  const subgraph = printSchema(buildSubgraphSchema({ typeDefs: parse(sdl) }));
  const served = printSchema(createSchema({} as Actions));
  const fieldsOf = (text: string) => text.match(/^ {2}\w+.*$/gm) ?? [];
  expect(fieldsOf(subgraph)).toEqual(expect.arrayContaining(fieldsOf(served)));
  expect(sdl).not.toMatch(/_Any|_Entity|_Service/);
  expect(subgraph).toMatch(/^union _Entity = User$/m);
});

describe('in a subgraph of an application', () => {
  const LINK =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@shareable"])';
  const auth = shared(() =>
    createTokenfence({
      databaseUrl: world.databaseUrl,
      redisUrl: world.redisUrl,
      secret: TEST_ENV.SECRET!,
      issuer: 'http://localhost:4000',
      rateLimit: false,
      httpStatus: '200',
      federation: true,
      logLevel: 'silent',
    }),
  );
  let server: ApolloServer;
  let api: Api;
  /** Of the last request. */
  let contextValue: object;

  beforeAll(async () => {
    const { typeDefs, resolvers } = auth.subgraph;
    const schema = buildSubgraphSchema([
      { typeDefs: parse(typeDefs), resolvers: resolvers as never },
      {
        typeDefs: parse(`${LINK} extend type User { greeting: String! }`),
        resolvers: { User: { greeting: ({ email }: { email: string }) => `Hello ${email}` } },
      },
    ]);
    server = new ApolloServer({
      schema,
      plugins: [auth.apolloPlugin, ApolloServerPluginInlineTraceDisabled()],
    });
    const context = async (given: object) => (contextValue = { ...(await auth.context(given as never)) });
    const { url } = await startStandaloneServer(server, { context, listen: { port: 0 } });
    api = new Api(url.slice(0, -1));
  });
  afterAll(async () => {
    await server.stop();
    await auth.close();
  });

  test('users get what both have of their own account, and nothing of another', async () => {
    const query = `query($them: [_Any!]!) { _entities(representations: $them) { ... on User { email greeting } } }`;
    const { email, id } = user.user;
    const answer = await api.send(query, { them: named(id, other.user.id, 1) }, user.accessToken);
    expect(answer).toMatchObject({
      status: 200,
      data: { _entities: [{ email, greeting: `Hello ${email}` }, null, null] },
    });
    const errors = answer.errors!.map(({ path, extensions }) => [...path!, extensions.code]);
    expect(errors).toEqual([
      ['_entities', 1, 'FORBIDDEN'],
      ['_entities', 2, 'BAD_USER_INPUT'],
    ]);
  });

  test('an account that is refused has its code in any GraphQL server', async () => {
    await api.me('nonsense');
    const source = `{ _entities(representations: [{ __typename: "User", id: "1" }]) { __typename } }`;
    const { errors } = await graphql({ schema: auth.schema, source, contextValue });
    expect(errors!.map(({ path, extensions }) => [...path!, extensions.code])).toEqual([
      ['_entities', 0, 'UNAUTHENTICATED'],
    ]);
  });

  test('a request costs what it costs in a schema of ours alone', async () => {
    const logins = (count: number) =>
      `mutation { ${Array.from({ length: count }, (_, i) => `a${i}: logout { confirmed }`).join(' ')} }`;
    expect(await api.send(logins(11))).toMatchObject({
      status: 200,
      code: 'BAD_USER_INPUT',
    });
    expect(await api.send(logins(10))).toMatchObject({ code: 'UNAUTHENTICATED' });
    const most = Array.from({ length: 400 }, () => named('1')[0]);
    const query = `query($them: [_Any!]!) { _entities(representations: $them) { ... on User { sessions { id } } } }`;
    expect(await api.send(query, { them: most })).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
