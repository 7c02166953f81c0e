// Shows the session at work, from sign-up to its end. README.md lists the servers that it needs.
import { gql } from '@apollo/client';
import { createBrowserFetch } from './browser-fetch.mjs';
import { createPage } from './session.mjs';

const { AUTH_URL = 'http://localhost:4000', API_URL = 'http://localhost:4001' } = process.env;

const browserFetch = createBrowserFetch();
let refreshes = 0;
const { session, client } = createPage({
  authUrl: AUTH_URL,
  apiUrl: API_URL,
  onEnd: (reason) =>
    console.log(`  the session has ended (${reason}): a page would show the sign-in form now`),
  fetch(input, init) {
    if (init?.body?.includes('{refresh{')) refreshes += 1;
    return browserFetch(input, init);
  },
});

/** Sends twenty requests at once, and shows the results. */
async function askTwenty() {
  const query = gql`{ whoami }`; // prettier-ignore
  // Otherwise Apollo Client would join them into one request.
  const options = { query, fetchPolicy: 'no-cache', context: { queryDeduplication: false } };
  const ask = () =>
    client.query(options).then(
      () => 'served',
      () => 'refused',
    );
  const outcomes = await Promise.all(Array.from({ length: 20 }, ask));
  for (const outcome of new Set(outcomes))
    console.log(`  ${outcomes.filter((each) => each === outcome).length} requests ${outcome}`);
}

const credentials = { email: `ada-${Date.now()}@example.com`, password: 'correct horse battery staple' };
await session.ready();
console.log('Ada signs up.');
await session.register(credentials);
await askTwenty();

console.log('Her access token is about to expire.');
refreshes = 0;
while (refreshes === 0) await new Promise((resolve) => setTimeout(resolve, 100));
await askTwenty();
console.log(`  refreshes: ${refreshes}`);

console.log('She logs out everywhere, on another device.');
const device = createPage({
  authUrl: AUTH_URL,
  apiUrl: API_URL,
  onEnd: () => undefined,
  fetch: createBrowserFetch(),
});
await device.session.login(credentials);
await device.session.logoutEverywhere();
await askTwenty();
session.close();
device.session.close();
client.stop();
device.client.stop();
