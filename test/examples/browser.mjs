// A browser with the session of examples/browser-client in its page. It runs the commands of the test and answers each
// of them.
import { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { createBrowserFetch } from '../../examples/browser-client/browser-fetch.mjs';
import { createSession } from '../../examples/browser-client/session.mjs';

const { AUTH_URL, API_URL } = process.env;

const seen = { refreshes: 0, ended: 0, requests: 0 };
/** Whether every second answer of the service is held back until a refresh has ended. */
let late = false;
/** Whether the auth server answers that it cannot refresh now. */
let unavailable = false;
let refreshed = deferred();

function deferred() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

const UNAVAILABLE = JSON.stringify({
  data: null,
  errors: [{ message: 'Try again.', extensions: { code: 'SERVICE_UNAVAILABLE', retryAfter: 1 } }],
});

/** Removes the cookie and loads the page anew. */
function openBrowser() {
  const browserFetch = createBrowserFetch();
  const session = createSession({
    authUrl: AUTH_URL,
    onSessionEnded: () => (seen.ended += 1),
    async fetch(url, options) {
      if (!options.body.includes('refresh {')) return browserFetch(url, options);
      seen.refreshes += 1;
      if (unavailable) return new Response(UNAVAILABLE, { status: 503 });
      const response = await browserFetch(url, options);
      // Later than the code that reads the answer.
      setTimeout(refreshed.resolve, 100);
      return response;
    },
  });
  async function serviceFetch(url, options) {
    seen.requests += 1;
    const isLate = late && seen.requests % 2 === 0;
    const response = await browserFetch(url, options);
    if (isLate) await refreshed.promise;
    return response;
  }
  const client = new ApolloClient({
    link: session.link.concat(new HttpLink({ uri: API_URL, fetch: serviceFetch })),
    cache: new InMemoryCache(),
  });
  return { session, client };
}

let { session, client } = openBrowser();
const query = gql('{ whoami }');
const options = { query, fetchPolicy: 'no-cache', context: { queryDeduplication: false } };

/** The user that the service saw, or the reason why it saw none. */
const ask = async () => {
  try {
    return (await client.query(options)).data.whoami;
  } catch (error) {
    if (!CombinedGraphQLErrors.is(error)) return error.code ?? error.message;
    const [{ extensions }] = error.errors;
    return extensions.reason ?? extensions.code;
  }
};

const commands = {
  open: () => {
    client.stop();
    ({ session, client } = openBrowser());
  },
  signIn: ({ email, password }) => session.signIn(email, password),
  signOut: () => session.signOut(),
  resume: () => session.resume(),
  async ask({ times, ...how }) {
    Object.assign(seen, { refreshes: 0, ended: 0, requests: 0 });
    late = how.late ?? false;
    unavailable = how.unavailable ?? false;
    refreshed = deferred();
    const outcomes = await Promise.all(Array.from({ length: times }, ask));
    return { ...seen, outcomes };
  },
};

process.on('message', async ({ id, command, ...argument }) => {
  try {
    process.send({ id, value: await commands[command](argument) });
  } catch (error) {
    process.send({ id, fault: error.code ?? error.message });
  }
});
console.log('The browser is ready.');
