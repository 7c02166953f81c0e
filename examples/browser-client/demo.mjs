// What the link does for a page, from sign-in to the end of the session. README.md says what has to run beside it.
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createBrowserFetch } from './browser-fetch.mjs';
import { createSession } from './session.mjs';

const { AUTH_URL = 'http://localhost:4000', API_URL = 'http://localhost:4001' } = process.env;

// What a page would write, but for `fetch`.
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

/** Asks twenty things at once, as a page that has been asleep does, and shows what came of it. */
async function askTwenty() {
  refreshes.count = 0;
  const ask = () =>
    client
      // Without this, Apollo Client itself would make one request of them.
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

/** The same user elsewhere, with no link. */
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
