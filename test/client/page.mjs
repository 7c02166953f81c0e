// The page that the browser of the test opens: a session, and what the test may ask of it.
import { createClient } from 'graphql-ws/client';
import { createSession } from '../../src/client/index.ts';

const { authUrl, document, navigator, crypto } = globalThis;
const url = `${authUrl}/graphql`;
const ends = [];
const session = createSession({ url, onEnd: (reason) => ends.push(reason) });

/** Who the API sees: a user, the reason of a refusal, or the code of an error. */
async function ask() {
  try {
    const response = await session.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ me { email } }"}',
    });
    const { data, errors } = await response.json();
    return errors ? errors[0].extensions.reason : (data.me?.email ?? 'nobody');
  } catch (error) {
    return error.code;
  }
}

/** What the socket has told. */
const heard = { connected: 0, events: [], closed: [] };
function listen() {
  const client = createClient({ ...session.socketOptions(), url: url.replace('http', 'ws') });
  client.on('connected', () => (heard.connected += 1));
  client.subscribe(
    { query: 'subscription { sessionEnded { current } }' },
    {
      next: ({ data }) => heard.events.push(data.sessionEnded),
      error: ({ reason }) => heard.closed.push(reason),
      complete: () => heard.closed.push('complete'),
    },
  );
}

/** Whether this tab leads. The browser names the tabs that hold a lock. */
const leads = () =>
  navigator.locks.request(crypto.randomUUID(), async (lock) => {
    const { held } = await navigator.locks.query();
    const own = held.find(({ name }) => name === lock.name);
    return held.some(({ name, clientId }) => name.endsWith(' lead') && clientId === own.clientId);
  });

const output = document.querySelector('output');
const show = () => (output.value = JSON.stringify({ ...session.getSnapshot(), ends }, null, 2));
session.subscribe(show);
Object.assign(globalThis, { session, ends, ask, heard, listen, leads });
show();
