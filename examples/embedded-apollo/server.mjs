import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import { makeExecutableSchema } from '@graphql-tools/schema';
import express from 'express';
import { GraphQLError } from 'graphql';
import { createTokenfence, fromEnv, requireUser } from 'tokenfence/server';

const typeDefs = `
  extend type User { name: String! avatar: String }
  extend input RegisterInput { name: String! avatar: String tenant: String! }
  extend type Query { invoices: [String!]! }
`;

const auth = await createTokenfence({
  ...fromEnv(),
  claims: async ({ user }) => ({ tenant: (await rowOf(user.id))?.tenant ?? null }),
  hooks: {
    // Both rows are written, or neither.
    async registering({ user, input: { name, avatar, tenant }, sql }) {
      if (name.trim() === '')
        throw new GraphQLError('Enter a name.', { extensions: { code: 'BAD_USER_INPUT' } });
      await sql('insert into app.users (id, name, avatar, tenant) values ($1, $2, $3, $4)', [
        user.id,
        name,
        avatar,
        tenant,
      ]);
    },
    async deleting({ user, sql }) {
      await sql('delete from app.users where id = $1', [user.id]);
    },
  },
});

// The application has a table `users` itself, in a schema of its own.
await auth.sql('create schema if not exists app');
await auth.sql(`create table if not exists app.users (
  id uuid primary key, name text not null, avatar text unique, tenant text not null)`);

const rowOf = async (id) => (await auth.sql('select * from app.users where id = $1', [id]))[0];

const resolvers = {
  User: {
    name: async ({ id }) => (await rowOf(id))?.name ?? 'Nameless',
    avatar: async ({ id }) => (await rowOf(id))?.avatar,
  },
  Query: {
    invoices(_parent, _args, context) {
      const { tenant } = requireUser(context).claims;
      return [`The first invoice of ${tenant}`];
    },
  },
};

const schema = makeExecutableSchema({
  typeDefs: [auth.typeDefs, typeDefs],
  resolvers: [auth.resolvers, resolvers],
});
const apollo = new ApolloServer({ schema, plugins: [auth.apolloPlugin], stopOnTerminationSignals: false });
await apollo.start();

const app = express();
app.use(auth.express);
app.use('/graphql', express.json(), expressMiddleware(apollo, { context: auth.context }));
const server = app.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () =>
  console.log(`Try it: http://127.0.0.1:${server.address().port}/graphql`),
);

process.once('SIGTERM', () => {
  server.close(async () => {
    await apollo.stop();
    await auth.close();
  });
  server.closeIdleConnections();
});
