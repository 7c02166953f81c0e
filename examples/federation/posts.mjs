// A subgraph that gives the users of an auth server posts.
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';
import { apolloContext, createGuard, requireUser } from 'tokenfence';

const { ISSUER = 'http://localhost:4000', AUTH_URL, INTROSPECTION_SECRET, PORT = '4001' } = process.env;

const guard = await createGuard({
  issuer: ISSUER,
  server: AUTH_URL, // If that is not the address of the issuer.
  audience: 'api',
  secret: INTROSPECTION_SECRET,
});

const typeDefs = parse(`#graphql
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])

  type Query {
    posts: [Post!]!
  }
  type Mutation {
    publish(title: String!): Post!
  }
  type Post {
    title: String!
    author: User # null if it is deleted, or not for the reader
  }
  type User @key(fields: "id") {
    id: ID!
    posts: [Post!]!
  }
`);

const posts = [];
const resolvers = {
  Query: { posts: () => posts },
  Mutation: {
    publish(_parent, { title }, context) {
      const post = { title, author: { id: requireUser(context).userId } };
      posts.push(post);
      return post;
    },
  },
  User: {
    __resolveReference: ({ id }) => ({ id }),
    posts: ({ id }) => posts.filter(({ author }) => author.id === id),
  },
};

// Apollo's gateway throws away an answer with another status, with its codes.
const always200 = {
  requestDidStart: async () => ({
    willSendResponse: async ({ response }) => void (response.http.status = 200),
  }),
};

const server = new ApolloServer({
  schema: buildSubgraphSchema({ typeDefs, resolvers }),
  includeStacktraceInErrorResponses: false,
  plugins: [always200, { serverWillStart: async () => ({ serverWillStop: () => guard.close() }) }],
});
const { url } = await startStandaloneServer(server, {
  context: apolloContext(guard),
  listen: { port: Number(PORT) },
});
console.log(`The posts are ready at ${url}`);
