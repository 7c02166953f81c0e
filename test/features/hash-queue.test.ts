import { PASSWORD } from '../support/api';
import { eventually } from '../support/eventually';
import { sharedNodes, sharedWorld } from '../support/shared';

// Only slow hashes wait for each other.
jest.unmock('@node-rs/argon2');

const world = sharedWorld();
const [node] = sharedNodes(world, { TRUST_PROXY: '1' });
beforeAll(() => node.api.register('good@example.com'));

const LOGIN = 'mutation($input: LoginInput!) { login(input: $input) { accessToken } }';

const attempt = (address: string, signal?: AbortSignal) =>
  fetch(`${node.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify({
      query: LOGIN,
      variables: { input: { email: 'good@example.com', password: 'wrong password' } },
    }),
    signal,
  });

const good = (address: string) =>
  node.api.tryLogin('good@example.com', PASSWORD, { 'x-forwarded-for': address });

const failures = async () =>
  (await world.sql<{ id: string }>("select id from audit_events where type = 'LOGIN_FAILED'")).length;

test('a login comes before the second attempt of every other site', async () => {
  let done = 0;
  const flood = Array.from({ length: 120 }, (_, i) => attempt(`192.0.2.${i % 4}`).finally(() => (done += 1)));
  // Until then the queue may still be empty.
  await eventually(() => expect(done).toBeGreaterThan(0));
  expect((await good('203.0.113.1')).code).toBeUndefined();
  expect(done).toBeLessThan(60);
  await Promise.all(flood);
});

test('a client that has gone gets no hash', async () => {
  const before = await failures();
  const clients = Array.from({ length: 80 }, () => new AbortController());
  let done = 0;
  const flood = clients.map(({ signal }, i) =>
    attempt(`198.51.100.${i % 4}`, signal).then(
      () => (done += 1),
      () => undefined,
    ),
  );
  await eventually(() => expect(done).toBeGreaterThan(0));
  for (const client of clients) client.abort();
  await Promise.all(flood);
  // It comes after all waiting attempts of this site, if they still wait.
  expect((await good('198.51.100.1')).code).toBeUndefined();
  expect((await failures()) - before).toBeLessThan(40);
});
