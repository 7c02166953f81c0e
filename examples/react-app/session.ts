// Who is signed in, and the client that sends the token. Nothing here is stored but the server's cookie.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { createSession } from 'tokenfence/client';

const url = '/graphql';

export const session = createSession({
  url,
  // No user sees what the user before has seen.
  onEnd: () => void client.clearStore(),
});

const socket = createClient({ url, ...session.socketOptions() });

export const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, fetch: session.fetch }),
  ),
  cache: new InMemoryCache(),
});
