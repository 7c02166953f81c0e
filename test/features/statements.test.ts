import type { LinkPurpose } from '../../src/core/link';
import { type Api, PASSWORD, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { type FrontendMessage, startFrontendProxy, stringsOf } from '../support/frontend-proxy';
import { useLink } from '../support/link-requests';
import { linkMaker, MAILING } from '../support/links';
import { shared, sharedWorld } from '../support/shared';

/** What was sent to Postgres, one text for each round trip. */
const sent: string[] = [];

/** Notes what a connection sends. A statement that was prepared before is sent by its name only. */
function listenIn() {
  const texts = new Map<string, string>();
  let under: string[] = [];
  return (message: FrontendMessage) => {
    const [first = '', second = ''] = stringsOf(message);
    if (message.type === 'P') texts.set(first, second);
    if (message.type === 'B') under.push(texts.get(second) ?? '?');
    if (message.type === 'Q') sent.push(first);
    if (message.type === 'S') {
      sent.push(under.join('; '));
      under = [];
    }
    return [message];
  };
}

const world = sharedWorld();
const wire = shared(() => startFrontendProxy(world.databaseUrl, listenIn));
const node = shared(() => world.node({ DATABASE_URL: wire.url, FEDERATION: 'on', ...MAILING }));
const links = shared(() => linkMaker(world));
afterAll(async () => {
  await world.stop();
  await wire.close();
});

/**
 * What runs in the background: the marking, for which a receipt does not wait (proven below), and the end of another
 * transaction. One of the request itself would show its beginning too.
 */
const isBackground = (text: string) => /set confirmed_at|^COMMIT$/.test(text);

/** How often each is run. The node also works in the background, so the run with the fewest statements counts. */
const RUNS = 6;

async function statementsOf(prepare: () => Promise<Tokens>, request: (tokens: Tokens) => Promise<unknown>) {
  const runs: string[][] = [];
  for (let i = 0; i < RUNS; i++) {
    const tokens = await prepare();
    const from = sent.length;
    await request(tokens);
    runs.push(sent.slice(from).filter((text) => !isBackground(text)));
  }
  return runs.reduce((best, each) => (each.length < best.length ? each : best));
}

const ok = async (response: Promise<Response>) => {
  const answer = await response;
  expect([answer.status, await answer.text()]).toEqual([200, expect.not.stringContaining('"errors"')]);
};

const run = (query: string, variables: object = {}, token?: string) =>
  ok(
    fetch(`${node.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
    }),
  );

const newUser = () => node.api.newUser();
let admin: string;
beforeAll(async () => {
  admin = (await node.api.loginAsAdmin()).accessToken;
});

type Request = (tokens: Tokens) => Promise<unknown>;
const REFRESH: Request = ({ refreshToken }) =>
  run('mutation($t: String) { refresh(refreshToken: $t) { accessToken refreshToken } }', { t: refreshToken });

const ONE_ROUND_TRIP: [name: string, request: Request][] = [
  ['refresh', REFRESH],
  ['logout', ({ accessToken }) => run('mutation { logout { confirmed } }', {}, accessToken)],
  [
    'logoutSession',
    ({ accessToken, session: { id } }) =>
      run('mutation($id: ID!) { logoutSession(sessionId: $id) { confirmed } }', { id }, accessToken),
  ],
  [
    'logoutOthers',
    ({ accessToken }) => run('mutation { logoutOthers { accessToken refreshToken } }', {}, accessToken),
  ],
  [
    'logoutEverywhere',
    ({ accessToken }) => run('mutation { logoutEverywhere { confirmed } }', {}, accessToken),
  ],
  [
    'forceLogout',
    ({ user: { id } }) => run('mutation($id: ID!) { forceLogout(userId: $id) { confirmed } }', { id }, admin),
  ],
  [
    'forceLogoutSession',
    ({ session: { id } }) =>
      run('mutation($id: ID!) { forceLogoutSession(sessionId: $id) { confirmed } }', { id }, admin),
  ],
  [
    'POST /oauth/revoke with a refresh token',
    ({ refreshToken }) =>
      ok(
        fetch(`${node.url}/oauth/revoke`, {
          method: 'POST',
          body: new URLSearchParams({ token: refreshToken }),
        }),
      ),
  ],
];

test.each(ONE_ROUND_TRIP)('%s is one round trip to Postgres', async (_name, request) => {
  expect(await statementsOf(newUser, request)).toHaveLength(1);
});

test('the users of a gateway are one round trip, and with a stranger none', async () => {
  const { user: other } = await newUser();
  const entities =
    (token: (tokens: Tokens) => string): Request =>
    (tokens) =>
      node.api.send(
        'query($them: [_Any!]!) { _entities(representations: $them) { ... on User { email } } }',
        { them: [tokens.user.id, other.id, other.id].map((id) => ({ __typename: 'User', id })) },
        token(tokens),
      );
  expect(
    await statementsOf(
      newUser,
      entities(() => admin),
    ),
  ).toHaveLength(1);
  const own = entities(({ accessToken }) => accessToken);
  expect(await statementsOf(newUser, own)).toHaveLength(1);
  expect(
    await statementsOf(
      newUser,
      entities(() => 'nonsense'),
    ),
  ).toEqual([]);
});

/** Runs SQL before, without the node. */
const prepared = (text: string, values: (tokens: Tokens) => unknown[]) => async () => {
  const tokens = await newUser();
  await world.sql(text, values(tokens));
  return tokens;
};

const LINKS: [purpose: LinkPurpose, emailOf: (email: string) => string, prepare: () => Promise<Tokens>][] = [
  ['reset-password', (email) => email, newUser],
  [
    'accept-invitation',
    (email) => email,
    prepared('update users set pending = true where id = $1', ({ user }) => [user.id]),
  ],
  ['verify-email', (email) => email, newUser],
  ['confirm-email', (email) => `new-${email}`, newUser],
  [
    'undo-email',
    (email) => `old-${email}`,
    prepared(
      `update users set previous_email = 'old-' || email, previous_email_key = 'old-' || email_key,
         previous_email_version = 1, previous_email_until = now() + interval '1 day' where id = $1`,
      ({ user }) => [user.id],
    ),
  ],
];

test.each(LINKS)('a use of a link is one round trip: %s', async (purpose, emailOf, prepare) => {
  const use: Request = async ({ user }) => {
    const link = { purpose, userId: user.id, email: emailOf(user.email), tokenVersion: 1 };
    expect((await useLink(node.api, purpose, links.make(link))).status).toBe(200);
  };
  expect(await statementsOf(prepare, use)).toHaveLength(1);
});

test('a request for a reset is one round trip, whether or not there is an account', async () => {
  const requestFor =
    (emailOf: (email: string) => string): Request =>
    ({ user }) =>
      run('mutation($email: String!) { requestPasswordReset(email: $email) }', {
        email: emailOf(user.email),
      });
  const known = await statementsOf(
    newUser,
    requestFor((email) => email),
  );
  const unknown = await statementsOf(
    newUser,
    requestFor((email) => `no-${email}`),
  );
  expect(known).toHaveLength(1);
  expect(unknown).toEqual(known);
});

test('a login is two round trips: the password hash is read, then the session is opened', async () => {
  const login: Request = ({ user: { email } }) =>
    run('mutation($i: LoginInput!) { login(input: $i) { accessToken } }', {
      i: { email, password: PASSWORD },
    });
  expect(await statementsOf(newUser, login)).toEqual([
    expect.stringMatching(/^select [^]* where u.email_key = /),
    expect.stringContaining('insert into "public"."sessions"'),
  ]);
});

test('a change of the password is two round trips: the old hash is read, then all is changed', async () => {
  const change: Request = ({ accessToken }) =>
    run(
      'mutation($i: ChangePasswordInput!) { changePassword(input: $i) { accessToken } }',
      { i: { currentPassword: PASSWORD, newPassword: 'another horse battery' } },
      accessToken,
    );
  expect(await statementsOf(newUser, change)).toHaveLength(2);
});

test('a repeated refresh is two round trips', async () => {
  const refreshed = async () => {
    const tokens = await newUser();
    await REFRESH(tokens);
    return tokens;
  };
  expect(await statementsOf(refreshed, REFRESH)).toHaveLength(2);
});

test('a receipt does not wait until the log says that the revocation is confirmed', async () => {
  const [one, other] = [await newUser(), await newUser()];
  await world.sql(`
    create function wait_here() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(43); return new; end $$;
    create trigger wait_here before update on revocations for each row execute function wait_here()`);
  const release = await world.hold('select pg_advisory_xact_lock(43)');
  const end = ({ accessToken }: Tokens): Promise<ReturnType<Api['end']>> =>
    node.api.end('logoutEverywhere', accessToken);
  expect(await end(one)).toMatchObject({ confirmed: true });
  // The marking waits, and later ones wait behind it.
  await eventually(async () =>
    expect(
      await world.sql(
        `select pid from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`,
      ),
    ).not.toEqual([]),
  );
  expect(await end(other)).toMatchObject({ confirmed: true });
  const unconfirmed = () =>
    world.sql('select user_id from revocations where confirmed_at is null and user_id = any($1)', [
      [one.user.id, other.user.id],
    ]);
  expect(await unconfirmed()).toHaveLength(2);
  await release();
  await eventually(async () => expect(await unconfirmed()).toEqual([]));
  await world.sql('drop function wait_here cascade');
});
