// Shows the link at work, from sign-in to the end of the session. README.md lists the servers that it needs.
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createBrowserFetch } from './browser-fetch.mjs';
import { createSession } from './session.mjs';

const { AUTH_URL = 'http://localhost:4000', API_URL = 'http://localhost:4001' } = process.env;

// The code of a page, except `fetch`.
const browserFetch = createBrowserFetch();
const refreshes = { count: 0 };
const session = createSession({
  authUrl: AUTH_URL,
  onSessionEnded: () => console.log('  the session has ended: a page would show the sign-in form now'),
  fetch(url, options) {
    if (options.body.includes('refresh')) refreshes.count += 1;
    return browserFetch(url, options);
  },
});
const client = new ApolloClient({
  link: session.link.concat(new HttpLink({ uri: API_URL })),
  cache: new InMemoryCache(),
  defaultOptions: { query: { fetchPolicy: 'no-cache' } },
});

/** Sends twenty requests at once, like a page that was asleep, and shows the results. */
async function askTwenty() {
  refreshes.count = 0;
  const ask = () =>
    client
      // Otherwise Apollo Client would join them into one request.
      .query({ query: gql`{ whoami }`, context: { queryDeduplication: false } }) // prettier-ignore
      .then(() => 'served')
      .catch((error) =>
        CombinedGraphQLErrors.is(error) ? `refused: ${error.errors[0].extensions.reason}` : error.message,
      );
  const outcomes = await Promise.all(Array.from({ length: 20 }, ask));
  for (const outcome of new Set(outcomes))
    console.log(`  ${outcomes.filter((each) => each === outcome).length} requests ${outcome}`);
  console.log(`  refreshes: ${refreshes.count}`);
}

/** The same user in another place, without the link. */
async function elsewhere(url, query, variables, token) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

const email = `ada-${Date.now()}@example.com`;
const password = 'correct horse battery staple';
const register = 'mutation($input: RegisterInput!) { register(input: $input) { accessToken } }';
const signUp = await elsewhere(`${AUTH_URL}/graphql`, register, { input: { email, password } });
if (signUp.errors) throw new Error(signUp.errors[0].message);

console.log('Ada signs in.');
await session.signIn(email, password);
await askTwenty();

console.log('Her access token expires.');
const login = 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }';
const other = (await elsewhere(`${AUTH_URL}/graphql`, login, { input: { email, password } })).data.login;
let expired = false;
while (!expired) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { errors } = await elsewhere(API_URL, '{ whoami }', {}, other.accessToken);
  expired = errors?.[0].extensions.reason === 'TOKEN_EXPIRED';
}
await askTwenty();

console.log('She logs out everywhere, on another device.');
const { accessToken } = (await elsewhere(`${AUTH_URL}/graphql`, login, { input: { email, password } })).data
  .login;
await elsewhere(`${AUTH_URL}/graphql`, 'mutation { logoutEverywhere { confirmed } }', {}, accessToken);
await askTwenty();
client.stop();
