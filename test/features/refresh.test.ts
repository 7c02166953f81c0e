import { decode } from 'jsonwebtoken';
import { type Api, AUTH, PASSWORD, RECEIPT, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

/** Dates back the last refresh of the session. */
const longAgo = ({ session }: Tokens) =>
  world.sql(`update sessions set rotated_at = rotated_at - interval '11 seconds' where id = $1`, [
    session.id,
  ]);

const generationOf = async ({ session }: Tokens) =>
  (await world.sql<{ generation: number }>('select generation from sessions where id = $1', [session.id]))[0]
    ?.generation;

/** The sessions that live under the current version of their user. */
const aliveOf = ({ user }: Tokens) =>
  world.sql(
    `select s.id from sessions s join users u on u.id = s.user_id
     where u.id = $1 and s.token_version = u.token_version and s.ended_at is null`,
    [user.id],
  );

test('a refresh gives a new pair and keeps the session', async () => {
  const first = await one.api.newUser();
  const second = await two.api.refreshed(first);
  expect(second.session.id).toBe(first.session.id);
  expect(second.refreshToken).not.toBe(first.refreshToken);
  expect((await one.api.me(second.accessToken)).status).toBe(200);
  // The first access token stays good.
  expect((await one.api.me(first.accessToken)).status).toBe(200);
  const third = await one.api.refreshed(second);
  expect(third.session.id).toBe(first.session.id);
});

test('two tabs that refresh at once both succeed', async () => {
  const first = await one.api.newUser();
  const [a, b] = await Promise.all([one.api.refreshed(first), two.api.refreshed(first)]);
  for (const tab of [a, b]) await one.api.refreshed(tab);
});

test('thirty concurrent uses of one token on two nodes give one successor, and no theft alarm', async () => {
  const first = await one.api.newUser();
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => (i % 2 ? one : two).api.refresh(first.refreshToken)),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const tokens = answers.map((answer) => (answer.data.refresh as Tokens).refreshToken);
  expect(new Set(tokens).size).toBe(1);
  expect(await generationOf(first)).toBe(2);
});

test('the successor of a token can be asked for again within the grace, by a client that lost the answer', async () => {
  const first = await one.api.newUser();
  const second = await one.api.refreshed(first);
  const again = await two.api.refreshed(first);
  expect(again.refreshToken).toBe(second.refreshToken);
  expect((await one.api.me(again.accessToken)).status).toBe(200);
});

test('a token ten generations old ends the session, even a month later', async () => {
  const first = await one.api.newUser();
  let last = first;
  for (let i = 0; i < 10; i++) last = await two.api.refreshed(last);
  await world.sql(
    `update sessions set rotated_at = rotated_at - interval '30 days', last_used_at = last_used_at - interval '30 days'
     where id = $1`,
    [first.session.id],
  );
  expect((await one.api.refresh(first.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
  expect((await two.api.refresh(last.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  expect((await two.api.me(last.accessToken)).reason).toBe('TOKEN_REVOKED');
});

test('a session leaves one row, however often it is refreshed', async () => {
  const before = await one.api.newUser();
  let tokens = before;
  for (let i = 0; i < 20; i++) tokens = await one.api.refreshed(tokens);
  expect(await world.sql('select id from sessions where user_id = $1', [before.user.id])).toHaveLength(1);
  expect(await generationOf(before)).toBe(21);
});

test('a token of another session, or with a changed byte, is refused and ends nothing', async () => {
  const [mine, other] = [await one.api.newUser(), await one.api.newUser()];
  const bytes = Buffer.from(mine.refreshToken, 'base64url');
  const changed = [...bytes.keys()].map((i) => {
    const copy = Buffer.from(bytes);
    copy[i]! ^= 1;
    return copy.toString('base64url');
  });
  const grafted = Buffer.concat([
    bytes.subarray(0, 31),
    Buffer.from(other.refreshToken, 'base64url').subarray(31),
  ]);
  for (const token of [...changed, grafted.toString('base64url')])
    expect((await two.api.refresh(token)).code).toBe('REFRESH_TOKEN_INVALID');
  await two.api.refreshed(mine);
});

test('refreshes beside changes of the role succeed, and none ends the session', async () => {
  const first = await one.api.newUser();
  const { accessToken: admin } = await one.api.loginAsAdmin();
  let changing = true as boolean;
  const change = async () => {
    const query = 'mutation($id: ID!, $role: Role!) { setRole(userId: $id, role: $role) { id } }';
    for (let i = 0; i < 12; i++)
      one.api.expect(await one.api.send(query, { id: first.user.id, role: i % 2 ? 'USER' : 'ADMIN' }, admin));
    changing = false;
  };
  const refresh = async () => {
    let tokens = first;
    while (changing) tokens = await two.api.refreshed(tokens);
    return tokens;
  };
  const [, last] = await Promise.all([change(), refresh()]);
  const final = await one.api.refreshed(last);
  expect((await two.api.me(final.accessToken)).status).toBe(200);
});

test('logoutOthers beside changes of the role never ends the own session', async () => {
  const first = await one.api.newUser();
  const { accessToken: admin } = await one.api.loginAsAdmin();
  let changing = true as boolean;
  const change = async () => {
    const query = 'mutation($id: ID!, $role: Role!) { setRole(userId: $id, role: $role) { id } }';
    for (let i = 0; i < 20; i++)
      one.api.expect(await one.api.send(query, { id: first.user.id, role: i % 2 ? 'USER' : 'ADMIN' }, admin));
    changing = false;
  };
  let done = 0;
  const endOthers = async () => {
    let tokens = first;
    while (changing) {
      // A change of the role ends the access token, but not the session.
      tokens = await two.api.refreshed(tokens);
      const answer = await two.api.send(`mutation { logoutOthers ${AUTH} }`, {}, tokens.accessToken);
      if (answer.errors) {
        expect(answer.reason).toBe('TOKEN_REVOKED');
        continue;
      }
      tokens = answer.data.logoutOthers as Tokens;
      done++;
    }
    return tokens;
  };
  const [, last] = await Promise.all([change(), endOthers()]);
  expect(done).toBeGreaterThan(0);
  await one.api.refreshed(last);
});

test('the late reuse of a refresh token ends the session and is recorded as theft', async () => {
  const first = await one.api.newUser();
  const second = await one.api.refreshed(first);
  await longAgo(first);
  expect(await two.api.refresh(first.refreshToken)).toMatchObject({
    status: 401,
    code: 'REFRESH_TOKEN_REUSED',
  });
  for (const token of [first.accessToken, second.accessToken]) {
    expect((await one.api.me(token)).reason).toBe('TOKEN_REVOKED');
  }
  expect((await one.api.refresh(second.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  expect(
    await world.sql(
      `select session_id from audit_events where type = 'REFRESH_TOKEN_REUSED' and user_id = $1`,
      [first.user.id],
    ),
  ).toEqual([{ session_id: first.session.id }]);
});

test('a session ends after its idle time', async () => {
  const tokens = await one.api.newUser();
  await world.sql(`update sessions set idle_expires_at = now() where id = $1`, [tokens.session.id]);
  expect((await one.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('neither a session nor a token outlives the absolute end of the session', async () => {
  const tokens = await one.api.newUser();
  await world.sql(`update sessions set expires_at = now() + interval '90 seconds' where id = $1`, [
    tokens.session.id,
  ]);
  const answer = one.api.expect(await one.api.refresh(tokens.refreshToken)).refresh;
  const { exp, iat } = decode(answer.accessToken as string) as { exp: number; iat: number };
  expect(exp - iat).toBeLessThanOrEqual(90);
  expect(Date.parse(answer.refreshTokenExpiresAt as string) - Date.now()).toBeLessThanOrEqual(90_000);
  await world.sql(`update sessions set expires_at = now() where id = $1`, [tokens.session.id]);
  expect((await one.api.refresh(answer.refreshToken as string)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('a refresh in flight does not revive a revoked session', async () => {
  for (let round = 0; round < 15; round++) {
    const tokens = await one.api.newUser();
    const [answer, receipt] = await Promise.all([
      two.api.refresh(tokens.refreshToken),
      one.api.end('logoutEverywhere', tokens.accessToken),
    ]);
    expect(receipt.confirmed).toBe(true);
    if (answer.errors) expect(answer.code).toBe('REFRESH_TOKEN_INVALID');
    else {
      const late = answer.data.refresh as Tokens;
      expect((await one.api.me(late.accessToken)).reason).toBe('TOKEN_REVOKED');
      expect((await one.api.refresh(late.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    }
    expect(await aliveOf(tokens)).toEqual([]);
  }
});

test('fifty logins beside fifty logouts everywhere: no deadlock, and the version decides on each token', async () => {
  const keeper = await one.api.newUser();
  const { accessToken: admin } = await one.api.loginAsAdmin();
  const issued: Tokens[] = [];
  // All wait for one row. On a busy machine a request may exceed the statement timeout and is repeated.
  const patiently = async (api: Api, query: string, variables: object, token?: string) => {
    const answer = await eventually(async () => {
      const each = await api.send(query, variables, token);
      expect(each.status).not.toBe(503);
      return each;
    });
    return api.expect(answer);
  };
  await Promise.all([
    ...Array.from({ length: 50 }, async (_, i) => {
      const { api } = i % 2 ? one : two;
      const input = { email: keeper.user.email, password: PASSWORD };
      issued.push(
        (await patiently(api, `mutation($input: LoginInput!) { login(input: $input) ${AUTH} }`, { input }))
          .login,
      );
    }),
    ...Array.from({ length: 50 }, async (_, i) => {
      const { api } = i % 2 ? two : one;
      const query = `mutation($id: ID!) { forceLogout(userId: $id) ${RECEIPT} }`;
      const data = await patiently(api, query, { id: keeper.user.id }, admin);
      expect(data.forceLogout.confirmed).toBe(true);
    }),
  ]);
  const [{ token_version: version }] = (await world.sql<{ token_version: number }>(
    'select token_version from users where id = $1',
    [keeper.user.id],
  )) as [{ token_version: number }];
  expect(version).toBe(51);
  for (const tokens of issued) {
    const { tokenVersion } = decode(tokens.accessToken) as { tokenVersion: number };
    const answer = await one.api.me(tokens.accessToken);
    expect(answer.status).toBe(tokenVersion === version ? 200 : 401);
  }
  // Every live session has a good token.
  expect(await aliveOf(keeper)).toHaveLength(
    issued.filter(
      ({ accessToken }) => (decode(accessToken) as { tokenVersion: number }).tokenVersion === version,
    ).length,
  );
});

test.each<[string, boolean, (tokens: Tokens) => Promise<Tokens>]>([
  // A login locks the user, so the logout waits for it.
  ['login', true, ({ user }) => two.api.login(user.email)],
  // A refresh does not: what it has read is refused by its version.
  ['refresh', false, (tokens) => two.api.refreshed(tokens)],
])('a logout everywhere during a %s leaves no session', async (_what, isWaitedFor, begin) => {
  const tokens = await one.api.newUser();
  const waiting = async (event: string) => {
    const rows = await world.sql(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event = $1`,
      [event],
    );
    return rows.length > 0;
  };
  // Holds the request in the middle of its statement, when it has read the user.
  await world.sql(`
    create function wait_here() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(42); return new; end $$;
    create trigger wait_here before insert or update on sessions for each row execute function wait_here()`);
  const release = await world.hold('select pg_advisory_xact_lock(42)');
  const late = begin(tokens);
  await eventually(async () => expect(await waiting('advisory')).toBe(true));
  let answered = false;
  const end = one.api.end('logoutEverywhere', tokens.accessToken).then((receipt) => {
    answered = true;
    return receipt as { confirmed: boolean };
  });
  await eventually(async () => expect(isWaitedFor ? await waiting('transactionid') : answered).toBe(true));
  expect(answered).toBe(!isWaitedFor);
  await release();
  const [granted, receipt] = await Promise.all([late, end]);
  await world.sql('drop function wait_here cascade');
  expect(receipt.confirmed).toBe(true);
  expect((await two.api.me(granted.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect((await two.api.refresh(granted.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('login and refresh work with a stale Authorization header', async () => {
  const tokens = await one.api.newUser();
  await one.api.end('logoutEverywhere', tokens.accessToken);
  const stale = { authorization: `Bearer ${tokens.accessToken}` };
  const login = await one.api.tryLogin(tokens.user.email, PASSWORD, stale);
  expect(login.status).toBe(200);
  const nonsense = { authorization: 'Bearer nonsense' };
  const refresh = await one.api.refresh(login.data.login.refreshToken, nonsense);
  expect(refresh.status).toBe(200);
});

test('a logout with an expired token ends its session', async () => {
  const brief = await world.node({ ACCESS_TOKEN_TTL: '1s', CLOCK_SKEW: '0s' });
  const tokens = await brief.api.newUser();
  for (;;) {
    const { reason } = await brief.api.me(tokens.accessToken);
    if (reason === 'TOKEN_EXPIRED') break;
  }
  expect(await brief.api.end('logout', tokens.accessToken)).toMatchObject({
    endedSessions: 1,
    confirmed: true,
  });
  expect((await brief.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  expect(await brief.api.end('logout', tokens.accessToken)).toMatchObject({
    endedSessions: 0,
    confirmed: true,
  });
});

test('no table holds a raw token', async () => {
  const tokens = await one.api.newUser();
  const tables = [
    'users',
    'sessions',
    'refresh_keys',
    'revocations',
    'audit_events',
    'signing_keys',
    'fleet',
  ];
  for (const table of tables) {
    const text = JSON.stringify(await world.sql(`select * from ${table}`));
    expect(text).not.toContain(tokens.refreshToken);
    expect(text).not.toContain(tokens.accessToken);
  }
});
