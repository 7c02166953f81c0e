import { ADMIN, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { createWorld, type TestNode, type World } from '../support/world';
import { worldMaker } from '../support/world-maker';

const newWorld = worldMaker(createWorld);
let world: World;
let node: TestNode;
let admin: Tokens;

beforeAll(async () => {
  world = await createWorld();
  node = await world.node();
  admin = await node.api.loginAsAdmin();
});
afterAll(() => world.close());

const asAdmin = (query: string, variables: object = {}) => node.api.send(query, variables, admin.accessToken);
const register = (email: string, password: string) =>
  node.api.send('mutation($input: RegisterInput!) { register(input: $input) { accessToken } }', {
    input: { email, password },
  });
const login = (email: string, password: string) =>
  node.api.send('mutation($input: LoginInput!) { login(input: $input) { accessToken } }', {
    input: { email, password },
  });

test('an email is one account, whatever its letter case', async () => {
  await node.api.register('Grace.Hopper@Example.com');
  expect(await register('grace.hopper@example.COM', 'another password')).toMatchObject({
    status: 409,
    code: 'CONFLICT',
  });
  const { user } = await node.api.login('GRACE.HOPPER@example.com');
  expect(
    (await asAdmin('query($id: ID!) { user(id: $id) { email } }', { id: user.id })).data.user.email,
  ).toBe('Grace.Hopper@Example.com');
});

test('of concurrent registrations of one email exactly one succeeds', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      register(i % 2 ? 'race@example.com' : 'RACE@example.com', 'correct horse battery'),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
});

test.each([
  ['1234567', 'at least 8'],
  ['x'.repeat(129), 'at most 128'],
  ['password1', 'most common'],
  ['Password123', 'most common'],
  ['half a \ud800 character', 'invalid Unicode character'],
  ['        ', 'different characters'],
  ['aaaaaaaa', 'different characters'],
  ['policy@example.com', 'your email'],
  ['tokenfence!', 'name of this service'],
  ['localhost1', 'name of this service'],
])('the password %j is refused: %s', async (password, why) => {
  const answer = await register('policy@example.com', password);
  expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
  expect(answer.errors?.[0]?.message).toContain(why);
});

test('a new password must not be the user’s email', async () => {
  const { accessToken } = await node.api.register('mine@example.com');
  const answer = await node.api.send(
    'mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
    { input: { currentPassword: 'correct horse battery', newPassword: 'Mine@example.com' } },
    accessToken,
  );
  expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
});

test('emails that look the same are one account', async () => {
  expect((await register('οδυσσευς@example.com', 'correct horse battery')).status).toBe(200);
  expect((await register('ΟΔΥΣΣΕΥΣ@example.com', 'correct horse battery')).code).toBe('CONFLICT');
  expect((await login('οδυσσευσ@EXAMPLE.com', 'correct horse battery')).status).toBe(200);
});

test.each(['a\u200bda@example.com', 'ada\u3164@example.com', 'ada\u202e@example.com'])(
  'an email with an invisible character is refused: %j',
  async (email) => {
    const answer = await register(email, 'correct horse battery');
    expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
    expect(answer.errors?.[0]?.message).toContain('invisible characters');
  },
);

test.each([
  ['eight ch'],
  ['  leading and trailing  '],
  ['密码不是这个密码'],
  ['🔑🗝🔒🔓'.repeat(32)],
  ['null\0inside it'],
])('the password %j is accepted and compared unchanged', async (password) => {
  const email = `verbatim${Math.random()}@example.com`;
  expect((await register(email, password)).status).toBe(200);
  expect((await login(email, password)).status).toBe(200);
  expect((await login(email, password.trim() === password ? `${password} ` : password.trim())).code).toBe(
    'INVALID_CREDENTIALS',
  );
});

test('an unknown user, a wrong password and a disabled user give the same answer', async () => {
  const { user } = await node.api.register('disabled@example.com');
  await node.api.register('wrong@example.com');
  await asAdmin('mutation($id: ID!) { disableUser(userId: $id) { disabled } }', { id: user.id });
  const answers = await Promise.all([
    login('nobody@example.com', 'correct horse battery'),
    login('wrong@example.com', 'incorrect horse battery'),
    login('disabled@example.com', 'correct horse battery'),
  ]);
  const seen = answers.map(({ status, errors }) => ({ status, errors }));
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(seen[0]).toMatchObject({ status: 401, errors: [{ extensions: { code: 'INVALID_CREDENTIALS' } }] });
});

test('fifty concurrent logins wait for each other and all succeed', async () => {
  await node.api.register('crowd@example.com');
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => login('crowd@example.com', 'correct horse battery')),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test('a password change needs the current password', async () => {
  const tokens = await node.api.register('change@example.com');
  const change = (currentPassword: string, newPassword: string) =>
    node.api.send(
      'mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
      { input: { currentPassword, newPassword } },
      tokens.accessToken,
    );
  expect(await change('wrong', 'staple and paper clip')).toMatchObject({
    status: 401,
    code: 'INVALID_CREDENTIALS',
  });
  expect(await change('correct horse battery', 'short')).toMatchObject({
    status: 400,
    code: 'BAD_USER_INPUT',
  });
  expect((await node.api.me(tokens.accessToken)).status).toBe(200);
  expect((await change('correct horse battery', 'staple and paper clip')).status).toBe(200);
});

test('an account is deleted by its owner with the password', async () => {
  const tokens = await node.api.register('leaver@example.com');
  const remove = (password: string) =>
    node.api.send(
      'mutation($p: String!) { deleteAccount(password: $p) { tokenVersion } }',
      { p: password },
      tokens.accessToken,
    );
  expect((await remove('wrong')).code).toBe('INVALID_CREDENTIALS');
  expect((await remove('correct horse battery')).data.deleteAccount.tokenVersion).toBe(2_147_483_647);
  expect((await login('leaver@example.com', 'correct horse battery')).code).toBe('INVALID_CREDENTIALS');
  expect(
    (await asAdmin('query($id: ID!) { user(id: $id) { id } }', { id: tokens.user.id })).data.user,
  ).toBeNull();
  const events = await asAdmin('query($id: ID) { auditEvents(userId: $id) { edges { node { type } } } }', {
    id: tokens.user.id,
  });
  const types = events.data.auditEvents.edges.map((edge: any) => edge.node.type);
  // The attempt with a wrong password is recorded after its answer, so it may still be missing.
  expect(types.filter((type: string) => type !== 'PASSWORD_CONFIRMATION_FAILED')).toEqual([
    'ACCOUNT_DELETED',
    'USER_REGISTERED',
  ]);
});

test('the last enabled administrator cannot be disabled, demoted or deleted', async () => {
  const id = admin.user.id;
  for (const mutation of [
    `disableUser(userId: "${id}") { id }`,
    `setRole(userId: "${id}", role: USER) { id }`,
    `deleteAccount(password: "${ADMIN.password}") { scope }`,
  ]) {
    expect(await asAdmin(`mutation { ${mutation} }`)).toMatchObject({ status: 409, code: 'CONFLICT' });
  }
  // Nothing was changed, not even in part.
  expect((await asAdmin('{ me { tokenVersion role disabled } }')).data.me).toEqual({
    tokenVersion: 1,
    role: 'ADMIN',
    disabled: false,
  });
});

test('when two administrators demote each other at once, one remains', async () => {
  const own = await newWorld();
  const [a, b] = await Promise.all([own.node(), own.node()]);
  const first = await a.api.loginAsAdmin();
  await a.api.register('second@example.com');
  await own.sql(`update users set role = 'ADMIN'`);
  const second = await b.api.login('second@example.com');
  const demote = (api: typeof a.api, who: Tokens, whom: Tokens) =>
    api.send(
      'mutation($id: ID!) { setRole(userId: $id, role: USER) { role } }',
      { id: whom.user.id },
      who.accessToken,
    );
  const answers = await Promise.all([demote(a.api, first, second), demote(b.api, second, first)]);
  expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
  expect(await own.sql(`select id from users where role = 'ADMIN'`)).toHaveLength(1);
});

test('administrators page through accounts and search them', async () => {
  const own = await newWorld();
  const { api } = await own.node();
  const { accessToken } = await api.loginAsAdmin();
  for (let i = 0; i < 7; i++) await api.register(`page_${i}@example.com`);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const answer: any = api.expect(
      await api.send(
        'query($after: String) { users(first: 3, after: $after) { edges { cursor node { email sessions { id } } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
        { after },
        accessToken,
      ),
    ).users;
    expect(answer.pageInfo.hasPreviousPage).toBe(after !== null);
    expect(answer.pageInfo.startCursor).toBe(answer.edges[0].cursor);
    for (const { node: user } of answer.edges) {
      expect(user.sessions).toHaveLength(1);
      seen.push(user.email as string);
    }
    after = answer.pageInfo.hasNextPage ? answer.pageInfo.endCursor : null;
  } while (after);
  expect(seen).toEqual([ADMIN.email, ...Array.from({ length: 7 }, (_, i) => `page_${i}@example.com`)]);

  const search = async (text: string) =>
    api
      .expect(
        await api.send(
          'query($s: String) { users(search: $s) { edges { node { email } } } }',
          { s: text },
          accessToken,
        ),
      )
      .users.edges.map((edge: any) => edge.node.email);
  expect(await search('PAGE_3')).toEqual(['page_3@example.com']);
  // The wildcards of LIKE are matched literally.
  expect(await search('%')).toEqual([]);
  expect(await search('page%')).toEqual([]);
});

test('the audit log has actor, user, reason and address of each event, newest first', async () => {
  const { user } = await node.api.register('audited@example.com');
  await login('audited@example.com', 'wrong');
  await eventually(async () =>
    expect(
      await world.sql(`select 1 from audit_events where type = 'LOGIN_FAILED' and user_id = $1`, [user.id]),
    ).toHaveLength(1),
  );
  await asAdmin('mutation($id: ID!) { forceLogout(userId: $id, reason: "lost phone") { scope } }', {
    id: user.id,
  });
  const answer = await asAdmin(
    'query($id: ID) { auditEvents(userId: $id, first: 2) { edges { node { type userId actorId reason ipAddress createdAt } } pageInfo { hasNextPage } } }',
    { id: user.id },
  );
  expect(answer.data.auditEvents.pageInfo.hasNextPage).toBe(true);
  expect(answer.data.auditEvents.edges.map((edge: any) => edge.node)).toMatchObject([
    {
      type: 'FORCED_LOGOUT',
      userId: user.id,
      actorId: admin.user.id,
      reason: 'lost phone',
      ipAddress: '127.0.0.1',
    },
    { type: 'LOGIN_FAILED', userId: user.id, actorId: null, reason: null },
  ]);
});

test('pages of the audit log show each event once, even those of one moment', async () => {
  const { user } = await node.api.register('audit-pages@example.com');
  // Two in one microsecond and one in the microsecond before: a page may end between any two.
  await world.sql(
    `insert into audit_events (type, user_id, reason, created_at)
     select 'LOGIN_FAILED', $1, n::text, timestamptz '2030-01-01' + (n / 2) * interval '1 microsecond'
     from generate_series(1, 7) n`,
    [user.id],
  );
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const answer: any = await asAdmin(
      `query($id: ID, $after: String) { auditEvents(userId: $id, first: 2, after: $after) {
        edges { node { reason } } pageInfo { hasNextPage endCursor } } }`,
      { id: user.id, after },
    );
    const { edges, pageInfo } = answer.data.auditEvents;
    seen.push(...edges.map((edge: any) => edge.node.reason));
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  const times = seen.slice(0, 7).map((reason) => Math.floor(Number(reason) / 2));
  expect(times).toEqual([3, 3, 2, 2, 1, 1, 0]);
  expect(new Set(seen.slice(0, 7)).size).toBe(7);
  // The event of the registration, which is older.
  expect(seen).toHaveLength(8);
});

test('a user sees their sessions with device, address and times, and which is current', async () => {
  const laptop = await node.api.register('devices@example.com');
  const answer = await node.api.send(
    'mutation($input: LoginInput!) { login(input: $input) { accessToken session { id userAgent } } }',
    { input: { email: 'devices@example.com', password: 'correct horse battery' } },
    undefined,
    { 'user-agent': `Phone/1.0 ${'x'.repeat(1000)}` },
  );
  const phone = answer.data.login;
  const me = await node.api.send(
    '{ me { sessions { id current userAgent ipAddress createdAt lastUsedAt expiresAt } } }',
    {},
    phone.accessToken,
  );
  expect(me.data.me.sessions).toMatchObject([
    { id: phone.session.id, current: true, ipAddress: '127.0.0.1' },
    { id: laptop.session.id, current: false, ipAddress: '127.0.0.1' },
  ]);
  expect(me.data.me.sessions[0].userAgent).toMatch(/^Phone\/1.0 x+$/);
  expect(me.data.me.sessions[0].userAgent.length).toBe(400);
});
