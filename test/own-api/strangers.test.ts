import { inspect } from 'node:util';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { createTokenfence, requireUser, type Tokenfence } from '../../src/server';
import { Api, PASSWORD } from '../support/api';
import { createWorld, TEST_ENV, type World } from '../support/world';

// What strangers try on a schema that is ours and an application's.

const TYPE_DEFS = `
  extend type Query { posts(limit: Int!): [String!]! }
  extend type User { allowed: Boolean }
  extend type Mutation { leave: Boolean stay(quiet: Boolean): Boolean ${Array.from({ length: 10 }, (_, i) => `g${i}: Int`).join(' ')} }
`;

let world: World;
let auth: Tokenfence;
let apollo: ApolloServer<object>;
let api: Api;
const log: string[] = [];

type TeamContext = Awaited<ReturnType<Tokenfence['context']>>;

beforeAll(async () => {
  world = await createWorld();
  const line = (details: object, message: string) => void log.push(`${message} ${inspect(details)}`);
  auth = await createTokenfence({
    databaseUrl: world.databaseUrl,
    redisUrl: world.redisUrl,
    secret: TEST_ENV.SECRET,
    rateLimit: false,
    logger: { debug: line, info: line, warn: line, error: line },
  });
  const resolvers = {
    Query: {
      posts: {
        resolve: () => [],
        extensions: { complexity: ({ args }: { args: { limit: number } }) => args.limit },
      },
    },
    User: { allowed: (_: unknown, _args: unknown, context: TeamContext) => Boolean(requireUser(context)) },
    Mutation: {
      leave: async (_: unknown, _args: unknown, context: TeamContext) => {
        await auth.api.forceLogout(requireUser(context).userId);
        return true;
      },
      stay: (_: unknown, { quiet }: { quiet?: boolean }, context: TeamContext) =>
        quiet === true || Boolean(requireUser(context)),
    },
  };
  const schema = makeExecutableSchema({
    typeDefs: [auth.typeDefs, TYPE_DEFS],
    resolvers: [auth.resolvers, resolvers],
  });
  apollo = new ApolloServer({
    schema,
    plugins: [auth.apolloPlugin],
    includeStacktraceInErrorResponses: false,
  });
  const { url } = await startStandaloneServer(apollo, {
    listen: { host: '127.0.0.1', port: 0 },
    context: async ({ req, res }) => {
      // As many applications do. And this one blocks some users.
      const { 'x-request-id': id, 'x-blocked': blocked } = req.headers;
      if (id !== undefined) res.setHeader('x-request-id', id);
      const own = await auth.context({ req, res });
      return blocked ? { ...own, auth: { ok: false, code: 'TOKEN_REVOKED' } } : own;
    },
  });
  // It answers at any path.
  api = new Api(new URL(url).origin);
});

afterAll(async () => {
  await apollo.stop();
  await auth.close();
  await world.close();
});

let count = 0;
async function signUp() {
  const input = { email: `stranger${++count}@example.com`, password: PASSWORD };
  const { data } = await api.send(
    'mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }',
    { input },
  );
  return data.register as { accessToken: string; user: { id: string } };
}

test('the price of a field is counted by the variables of each request: nobody lowers or poisons it', async () => {
  const query = 'query($limit: Int!) { posts(limit: $limit) }';
  const ask = async (limit: number) => (await api.send(query, { limit })).code;
  expect(await ask(1_000_000)).toBe('BAD_USER_INPUT');
  expect(await ask(1)).toBeUndefined();
  expect(await ask(1_000_000)).toBe('BAD_USER_INPUT');
});

test('a mutation sees that one of the application has ended the token', async () => {
  const { accessToken } = await signUp();
  const answer = await api.send(
    'mutation { stay leave again: stay logoutOthers { user { id } } }',
    {},
    accessToken,
  );
  expect(answer.errors?.map(({ path, extensions }) => [path, extensions.reason])).toEqual([
    [['again'], 'TOKEN_REVOKED'],
    [['logoutOthers'], 'TOKEN_REVOKED'],
  ]);
});

test('what the application says of a token stays, after a field of ours too', async () => {
  const { accessToken, user } = await signUp();
  const answer = await api.send('{ me { id allowed } }', {}, accessToken, { 'x-blocked': '1' });
  expect(answer.data).toEqual({ me: { id: user.id, allowed: null } });
  const headers = { 'x-blocked': '1' };
  const serial = await api.send('mutation { stay(quiet: true) again: stay }', {}, accessToken, headers);
  expect(serial.errors?.map(({ path }) => path)).toEqual([['again']]);
});

test('ten fields before it do not hide a field of ours from the check of the answer', async () => {
  const { accessToken } = await signUp();
  const fields = Array.from({ length: 10 }, (_, i) => `g${i}`).join(' ');
  const query = `mutation { ${fields} logout { scope } }`;
  expect((await api.send(query, {}, accessToken, { accept: 'text/html' })).status).toBe(406);
  expect((await api.send('{ me { id } }', {}, accessToken)).data.me).not.toBeNull();
});

test('of an id that a client has given its request, little is kept', async () => {
  const { accessToken, user } = await signUp();
  await api.send('mutation { logout { scope } }', {}, accessToken, { 'x-request-id': 'x'.repeat(8000) });
  const text = "select request_id from audit_events where user_id = $1 and type = 'LOGOUT'";
  expect(await world.sql(text, [user.id])).toEqual([{ request_id: 'x'.repeat(128) }]);
});

test("an application's own log never gets what a statement was given", async () => {
  await world.sql("alter table users add constraint odd check (email <> 'odd@example.com')");
  const input = { email: 'odd@example.com', password: PASSWORD };
  const answer = await api.send(
    'mutation($input: RegisterInput!) { register(input: $input) { accessToken } }',
    { input },
  );
  expect(answer.code).toBe('INTERNAL_SERVER_ERROR');
  const lines = log.filter((text) => text.startsWith('Unexpected error'));
  expect(lines).toEqual([expect.stringContaining('23514')]);
  expect(lines[0]).not.toMatch(/odd@|argon2|scrypt/);
});
