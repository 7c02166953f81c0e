// The session of a page, and its Apollo Client.
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { createSession } from 'tokenfence/client';

/**
 * @param options.authUrl the auth server
 * @param options.apiUrl the GraphQL API of the page
 * @param options.onEnd called once when the session has ended
 * @param options.fetch the browser's own if left out
 */
export function createPage({ authUrl, apiUrl, onEnd, fetch }) {
  const session = createSession({
    url: `${authUrl}/graphql`,
    // The token goes to no other origin.
    origins: [apiUrl],
    onEnd(reason) {
      // The next user sees nothing of this one.
      void client.clearStore();
      onEnd(reason);
    },
    fetch,
  });
  const client = new ApolloClient({
    link: new HttpLink({ uri: apiUrl, fetch: session.fetch }),
    cache: new InMemoryCache(),
  });
  return { session, client };
}
