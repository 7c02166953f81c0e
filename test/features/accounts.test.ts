import { ADMIN, PASSWORD, type Tokens } from '../support/api';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import { createWorld } from '../support/world';
import { worldMaker } from '../support/world-maker';

const newWorld = worldMaker(createWorld);
const world = sharedWorld();
const [node] = sharedNodes(world, {});
const admin = shared(() => node.api.loginAsAdmin());

const asAdmin = (query: string, variables: object = {}) => node.api.send(query, variables, admin.accessToken);

test('an email is one account, whatever its letter case', async () => {
  await node.api.register('Grace.Hopper@Example.com');
  expect(await node.api.tryRegister('grace.hopper@example.COM', 'another password')).toMatchObject({
    status: 409,
    code: 'CONFLICT',
  });
  const { user } = await node.api.login('GRACE.HOPPER@example.com');
  const { data } = await asAdmin(`{ user(id: "${user.id}") { email } }`);
  expect(data.user.email).toBe('Grace.Hopper@Example.com');
});

test('of concurrent registrations of one email exactly one succeeds', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      node.api.tryRegister(i % 2 ? 'race@example.com' : 'RACE@example.com'),
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
  const answer = await node.api.tryRegister('policy@example.com', password);
  expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
  expect(answer.errors?.[0]?.message).toContain(why);
});

const changePassword = ({ accessToken }: Tokens, currentPassword: string, newPassword: string) =>
  node.api.send(
    'mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
    { input: { currentPassword, newPassword } },
    accessToken,
  );

test('a new password must not be the user’s email', async () => {
  const answer = await changePassword(
    await node.api.register('mine@example.com'),
    PASSWORD,
    'Mine@example.com',
  );
  expect(answer).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
});

test('emails that look the same are one account', async () => {
  expect((await node.api.tryRegister('οδυσσευς@example.com')).status).toBe(200);
  expect((await node.api.tryRegister('ΟΔΥΣΣΕΥΣ@example.com')).code).toBe('CONFLICT');
  expect((await node.api.tryLogin('οδυσσευσ@EXAMPLE.com')).status).toBe(200);
});

test.each(['a\u200bda@example.com', 'ada\u3164@example.com', 'ada\u202e@example.com'])(
  'an email with an invisible character is refused: %j',
  async (email) => {
    const answer = await node.api.tryRegister(email);
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
  expect((await node.api.tryRegister(email, password)).status).toBe(200);
  expect((await node.api.tryLogin(email, password)).status).toBe(200);
  expect(
    (await node.api.tryLogin(email, password.trim() === password ? `${password} ` : password.trim())).code,
  ).toBe('INVALID_CREDENTIALS');
});

test('an unknown user, a wrong password and a disabled user give the same answer', async () => {
  const { user } = await node.api.register('disabled@example.com');
  await node.api.register('wrong@example.com');
  await asAdmin('mutation($id: ID!) { disableUser(userId: $id) { disabled } }', { id: user.id });
  const answers = await Promise.all([
    node.api.tryLogin('nobody@example.com'),
    node.api.tryLogin('wrong@example.com', 'incorrect horse battery'),
    node.api.tryLogin('disabled@example.com'),
  ]);
  const seen = answers.map(({ status, errors }) => ({ status, errors }));
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(seen[0]).toMatchObject({ status: 401, errors: [{ extensions: { code: 'INVALID_CREDENTIALS' } }] });
});

test('fifty concurrent logins wait for each other and all succeed', async () => {
  await node.api.register('crowd@example.com');
  const answers = await Promise.all(Array.from({ length: 50 }, () => node.api.tryLogin('crowd@example.com')));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

test('a password change needs the current password', async () => {
  const user = await node.api.newUser();
  const next = 'staple and paper clip';
  expect(await changePassword(user, 'wrong', next)).toMatchObject({
    status: 401,
    code: 'INVALID_CREDENTIALS',
  });
  expect(await changePassword(user, PASSWORD, 'short')).toMatchObject({
    status: 400,
    code: 'BAD_USER_INPUT',
  });
  expect((await node.api.me(user.accessToken)).status).toBe(200);
  expect((await changePassword(user, PASSWORD, next)).status).toBe(200);
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
  expect((await remove(PASSWORD)).data.deleteAccount.tokenVersion).toBe(2_147_483_647);
  expect((await node.api.tryLogin('leaver@example.com')).code).toBe('INVALID_CREDENTIALS');
  const { id } = tokens.user;
  const { data } = await asAdmin(
    'query($id: ID!) { user(id: $id) { id } auditEvents(userId: $id) { edges { node { type } } } }',
    { id },
  );
  expect(data.user).toBeNull();
  const types = data.auditEvents.edges.map((edge: any) => edge.node.type);
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
  const demote = (api: typeof a.api, who: Tokens, { user }: Tokens) =>
    api.send(`mutation { setRole(userId: "${user.id}", role: USER) { role } }`, {}, who.accessToken);
  const answers = await Promise.all([demote(a.api, first, second), demote(b.api, second, first)]);
  expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
  expect(await own.sql(`select id from users where role = 'ADMIN'`)).toHaveLength(1);
});

const PAGE_OF_USERS = `query($after: String) { users(first: 3, after: $after) {
  edges { cursor node { email sessions { id } } }
  pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

test('administrators page through accounts', async () => {
  const own = await newWorld();
  const { api } = await own.node();
  const { accessToken } = await api.loginAsAdmin();
  for (let i = 0; i < 7; i++) await api.register(`page_${i}@example.com`);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const answer: any = api.expect(await api.send(PAGE_OF_USERS, { after }, accessToken)).users;
    expect(answer.pageInfo.hasPreviousPage).toBe(after !== null);
    expect(answer.pageInfo.startCursor).toBe(answer.edges[0].cursor);
    for (const { node: user } of answer.edges) {
      expect(user.sessions).toHaveLength(1);
      seen.push(user.email as string);
    }
    after = answer.pageInfo.hasNextPage ? answer.pageInfo.endCursor : null;
  } while (after);
  expect(seen).toEqual([ADMIN.email, ...Array.from({ length: 7 }, (_, i) => `page_${i}@example.com`)]);
});
