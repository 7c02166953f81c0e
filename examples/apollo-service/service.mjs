// An Apollo service that accepts the access tokens of an auth server.
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { apolloContext, createGuard, requireUser } from 'tokenfence';

const { ISSUER = 'http://localhost:4000', INTROSPECTION_SECRET, REDIS_URL, PORT = '4001' } = process.env;

const guard = await createGuard({
  issuer: ISSUER,
  audience: 'api',
  secret: INTROSPECTION_SECRET,
  redis: REDIS_URL, // Optional. With it, the service goes on while the auth server is away.
});

const server = new ApolloServer({
  typeDefs: `#graphql
    type Query {
      hello: String! # for everyone
      whoami: ID! # for signed-in users
      report: String! # for administrators
    }
  `,
  resolvers: {
    Query: {
      hello: () => 'Hello!',
      whoami: (_parent, _args, context) => requireUser(context).userId,
      report: (_parent, _args, context) => `All is well, ${requireUser(context, 'ADMIN').userId}.`,
    },
  },
  includeStacktraceInErrorResponses: false,
  // After the last request. From then on no logout waits for this service.
  plugins: [{ serverWillStart: async () => ({ serverWillStop: () => guard.close() }) }],
});

const { url } = await startStandaloneServer(server, {
  context: apolloContext(guard),
  listen: { port: Number(PORT) },
});
console.log(`The Apollo service is ready at ${url}`);
