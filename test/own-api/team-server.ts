import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ApolloServer, HeaderMap } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import express from 'express';
import fastify from 'fastify';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import { makeExecutableSchema } from '@graphql-tools/schema';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { createTokenfence, requireUser, type Tokenfence, type TokenfenceOptions } from '../../src/server';
import { Api } from '../support/api';
import { closeServer, listen, urlOf } from '../support/listen';
import { TEST_ENV, type World } from '../support/world';

/** What the application puts into its tokens. */
export interface TeamShape {
  readonly claims: { readonly tenant: string };
  readonly role: 'EDITOR';
}

/** The application's own part of the schema. */
const TYPE_DEFS = `
  extend type User { name: String }
  extend input RegisterInput { name: String! }
  extend type Query { hello: String! tenant: String! broken: String fails: String }
  extend type Mutation { greet: String! }
  extend type Subscription { ticks: Int! }
`;

const TABLE = `create table profiles (
  user_id uuid primary key references users (id) on delete cascade,
  name text not null check (name <> 'refused by the table')
)`;

export type Kind = 'express' | 'fastify' | 'node';

export interface TeamServer {
  readonly api: Api;
  readonly url: string;
  readonly auth: Tokenfence<TeamShape>;
  readonly log: readonly string[];
  /** What the hook `revoked` was told. */
  readonly revoked: readonly string[];
  close(): Promise<void>;
}

/** The error of the application's own check. */
export const NO_ROBOTS = new GraphQLError('No robots.', {
  extensions: { code: 'NO_ROBOTS', http: { status: 418 } },
});

const hooksOf = (revoked: string[]): TokenfenceOptions['hooks'] => ({
  async registering({ user, input, sql }) {
    const { name } = input;
    await sql('insert into profiles (user_id, name) values ($1, $2)', [user.id, name]);
    if (name === 'robot') throw NO_ROBOTS;
    if (name === 'broken') throw new Error('a secret of the application');
    if (name === 'forever') await new Promise(() => undefined);
    if (name === 'careless') await sql('select 1 / 0').catch(() => undefined);
    if (name === 'careful') {
      await sql('savepoint before');
      await sql('select 1 / 0').catch(() => sql('rollback to savepoint before'));
    }
    if (name === 'committing') await sql('commit');
  },
  async loggedIn({ user, sql }) {
    const [profile] = await sql<{ name: string }>('select name from profiles where user_id = $1', [user.id]);
    if (profile?.name === 'banned') throw NO_ROBOTS;
  },
  async changingRole({ user, previousRole, sql }) {
    await sql('update profiles set name = $2 where user_id = $1', [
      user.id,
      `${previousRole} to ${user.role}`,
    ]);
  },
  deleting: ({ user, sql }) => sql('delete from profiles where user_id = $1', [user.id]),
  revoked: ({ kind }) => revoked.push(kind),
});

function schemaOf(auth: Tokenfence<TeamShape>): GraphQLSchema {
  const resolvers = {
    User: {
      name: async ({ id }: { id: string }) => {
        const [row] = await auth.sql<{ name: string }>('select name from profiles where user_id = $1', [id]);
        return row?.name;
      },
    },
    Query: {
      hello: () => 'hello',
      tenant: (_: unknown, _args: unknown, context: Awaited<ReturnType<typeof auth.context>>) =>
        requireUser<TeamShape>(context).claims.tenant,
      broken: () => {
        throw new Error('a message of the application');
      },
      fails: () => {
        throw new GraphQLError('Not there.', { extensions: { code: 'NOT_FOUND', mine: true } });
      },
    },
    Mutation: {
      greet: (_: unknown, _args: unknown, context: Awaited<ReturnType<typeof auth.context>>) =>
        `hello ${requireUser(context).userId}`,
    },
    Subscription: {
      ticks: {
        async *subscribe() {
          yield { ticks: await Promise.resolve(1) };
        },
      },
    },
  };
  return makeExecutableSchema({
    typeDefs: [auth.typeDefs, TYPE_DEFS],
    resolvers: [auth.resolvers, resolvers],
  });
}

type Apollo = ApolloServer<object>;

/** Serves GraphQL on a plain server of Node, as an application might. */
async function answer(
  apollo: Apollo,
  auth: Tokenfence<TeamShape>,
  req: IncomingMessage,
  res: ServerResponse,
) {
  if (auth.node(req, res)) return;
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  const headers = new HeaderMap(Object.entries(req.headers).map(([name, value]) => [name, String(value)]));
  const made = await apollo.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: req.method ?? '',
      headers,
      search: '',
      body: JSON.parse(Buffer.concat(parts).toString() || '{}'),
    },
    context: () => auth.context({ req, res }),
  });
  for (const [name, value] of made.headers) res.setHeader(name, value);
  res.statusCode = made.status ?? 200;
  res.end(made.body.kind === 'complete' ? made.body.string : '');
}

async function serve(kind: Kind, apollo: Apollo, auth: Tokenfence<TeamShape>) {
  if (kind === 'fastify') {
    const app = fastify();
    app.get('/healthz', () => ({ mine: true }));
    await app.register(auth.fastify);
    app.post('/graphql', fastifyApolloHandler(apollo, { context: auth.context }));
    await app.listen({ host: '127.0.0.1', port: 0 });
    return { url: urlOf(app.server), server: app.server, close: () => app.close() };
  }
  const app = express();
  // Before ours: a form that was read already still arrives.
  app.use(express.urlencoded(), express.json());
  app.use(auth.express);
  app.use('/graphql', express.json(), expressMiddleware(apollo, { context: auth.context }));
  const server = createServer(kind === 'express' ? app : (req, res) => void answer(apollo, auth, req, res));
  return { url: await listen(server), server, close: () => closeServer(server) };
}

/** Starts an application with the service in it. */
export async function startTeamServer(
  kind: Kind,
  world: Pick<World, 'databaseUrl' | 'redisUrl'> & { readonly dataDir?: string },
  options: Partial<TokenfenceOptions<TeamShape>> = {},
): Promise<TeamServer> {
  const log: string[] = [];
  const revoked: string[] = [];
  const line = (details: object, message: string) => void log.push(`${message} ${JSON.stringify(details)}`);
  const auth = await createTokenfence<TeamShape>({
    databaseUrl: world.databaseUrl || undefined,
    redisUrl: world.redisUrl,
    dataDir: world.dataDir,
    secret: TEST_ENV.SECRET,
    rateLimit: false,
    roles: ['EDITOR'],
    introspectionSecret: 'for introspection: 4tQz8LmW2xR7vK1pB9cD',
    revocationSecret: 'only to end tokens: 8uRz3KqW5xN1vL7pB2mD',
    claims: ({ user }) => ({ tenant: `tenant of ${user.email}` }),
    hooks: hooksOf(revoked),
    hookTimeout: 500,
    logger: { debug: () => undefined, info: line, warn: line, error: line },
    ...options,
  });
  await auth.sql(TABLE).catch(() => undefined);
  const schema = schemaOf(auth);
  const apollo = new ApolloServer({
    schema,
    plugins: [auth.apolloPlugin],
    includeStacktraceInErrorResponses: false,
  });
  await apollo.start();
  const { url, server, close } = await serve(kind, apollo, auth);
  const sockets = new WebSocketServer({ server, path: '/graphql' });
  const { dispose } = useServer({ schema, ...auth.graphqlWs }, sockets);
  return {
    api: new Api(url),
    url,
    auth,
    log,
    revoked,
    async close() {
      await dispose();
      await close();
      await apollo.stop();
      await auth.close();
    },
  };
}
