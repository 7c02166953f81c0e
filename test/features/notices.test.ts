import { ADMIN, type Answer, PASSWORD } from '../support/api';
import { sharedNodes, sharedWorld } from '../support/shared';
import { linkMaker, waitingMails } from '../support/links';

// Nobody listens there, so that the mails stay in the outbox.
const MAIL = { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'no-reply@example.com', TRUST_PROXY: '1' };

const world = sharedWorld();
const [node, silent, choosy, without] = sharedNodes(
  world,
  MAIL,
  { ...MAIL, MAIL_NOTICES: 'none' },
  { ...MAIL, MAIL_NOTICES: 'session-reused' },
  { TRUST_PROXY: '1' },
);

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0';
const SAFARI =
  'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15';

/** The headers of a client. @param at its address */
const client = (userAgent = FIREFOX, at = '192.0.2.1') => ({
  'user-agent': userAgent,
  'x-forwarded-for': at,
});

let users = 0;
/** Registers a user from Firefox at 192.0.2.1. */
async function newUser({ isVerified = true } = {}) {
  const email = `notices${++users}@example.com`;
  const answer = await node.api.tryRegister(email, PASSWORD, client());
  await world.sql('update users set email_verified = $2 where email = $1', [email, isVerified]);
  return node.api.expect(answer).register as {
    user: { id: string; email: string };
    accessToken: string;
    refreshToken: string;
  };
}

/** Logs in from this client. Returns the notices that the user gets. */
async function login(email: string, headers: Record<string, string>, { api } = node) {
  expect(await api.tryLogin(email, PASSWORD, headers)).toMatchObject({ status: 200 });
  return noticesTo(email);
}

/** Takes the mails to an address out of the outbox. */
async function noticesTo(email: string) {
  const mails = (await waitingMails(world)).filter(({ recipient }) => recipient === email);
  await world.sql('delete from mails where recipient = $1', [email]);
  return mails.map(({ kind, userId, data }) => ({ kind, userId, data }));
}

const changePassword = (
  { accessToken }: { accessToken: string },
  currentPassword = PASSWORD,
  { api } = node,
) =>
  api.send(
    'mutation($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
    { input: { currentPassword, newPassword: 'another horse battery' } },
    accessToken,
    client(SAFARI),
  );

/** Refreshes twice, and presents the first token again. */
async function reuse(tokens: { refreshToken: string }, { api } = node): Promise<Answer> {
  const { refreshToken } = await api.refreshed(await api.refreshed(tokens));
  expect(refreshToken).not.toBe(tokens.refreshToken);
  return api.refresh(tokens.refreshToken, client(SAFARI, '198.51.100.7'));
}

test('a login from a new device is told to the user, once', async () => {
  const { user } = await newUser();
  expect(await noticesTo(user.email)).toEqual([]);
  const notice = (userAgent: string, ipAddress: string) => [
    { kind: 'new-device', userId: user.id, data: { userAgent, ipAddress } },
  ];
  for (const [userAgent, at] of [
    [SAFARI, '192.0.2.1'],
    [FIREFOX, '192.0.2.2'],
    [FIREFOX, '2001:db8::1'],
    [FIREFOX, '2001:db8:0:1::1'],
  ] as const) {
    expect(await login(user.email, client(userAgent, at))).toEqual(notice(userAgent, at));
    expect(await login(user.email, client(userAgent, at))).toEqual([]);
  }
});

test.each([
  ['the same client', client()],
  ['a newer version of the browser', client(FIREFOX.replaceAll('149', '1150'))],
])('a login from %s is not told', async (_who, headers) => {
  const { user } = await newUser();
  expect(await login(user.email, headers)).toEqual([]);
});

test('a login from another address of the same /64 is not told', async () => {
  const { user } = await newUser();
  expect(await login(user.email, client(FIREFOX, '2001:db8::1'))).toHaveLength(1);
  expect(await login(user.email, client(FIREFOX, '2001:db8::ffff:1'))).toEqual([]);
});

test('a client without a name is a device too', async () => {
  const { user } = await newUser();
  const unnamed = client('');
  expect(await login(user.email, unnamed)).toHaveLength(1);
  expect(await login(user.email, unnamed)).toEqual([]);
});

test('the devices of another user are not known', async () => {
  const [one, other] = [await newUser(), await newUser()];
  await login(one.user.email, client(SAFARI));
  expect(await login(other.user.email, client(SAFARI))).toHaveLength(1);
});

test('a device is known by an ended session too', async () => {
  const { user } = await newUser();
  const { login: tokens } = node.api.expect(await node.api.tryLogin(user.email, PASSWORD, client(SAFARI)));
  await node.api.end('logout', tokens.accessToken);
  await noticesTo(user.email);
  expect(await login(user.email, client(SAFARI))).toEqual([]);
});

test('a login that is refused is not told', async () => {
  const { user } = await newUser();
  expect(await node.api.tryLogin(user.email, 'a wrong password', client(SAFARI))).toMatchObject({
    status: 401,
  });
  expect(await noticesTo(user.email)).toEqual([]);
});

test('the first login of an account that was not registered here is told', async () => {
  expect(await node.api.tryLogin(ADMIN.email, ADMIN.password, client())).toMatchObject({ status: 200 });
  expect(await noticesTo(ADMIN.email)).toMatchObject([{ kind: 'new-device' }]);
});

test('a change of the password is told, with the client that made it', async () => {
  const tokens = await newUser();
  expect(await changePassword(tokens)).toMatchObject({ status: 200 });
  expect(await noticesTo(tokens.user.email)).toEqual([
    { kind: 'password-changed', userId: tokens.user.id, data: { userAgent: SAFARI, ipAddress: '192.0.2.1' } },
  ]);
});

test('a change of the password that is refused is not told, nor the end of other sessions', async () => {
  const tokens = await newUser();
  expect(await changePassword(tokens, 'a wrong password')).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  await node.api.mutate('logoutOthers { accessToken }', tokens.accessToken);
  expect(await noticesTo(tokens.user.email)).toEqual([]);
});

test('the end of a session by a reused refresh token is told once, with the client that sent it', async () => {
  const tokens = await newUser();
  expect(await reuse(tokens)).toMatchObject({ code: 'REFRESH_TOKEN_REUSED' });
  await node.api.refresh(tokens.refreshToken, client(SAFARI, '198.51.100.7'));
  expect(await noticesTo(tokens.user.email)).toEqual([
    {
      kind: 'session-reused',
      userId: tokens.user.id,
      data: { userAgent: SAFARI, ipAddress: '198.51.100.7' },
    },
  ]);
});

test('a logout is not told', async () => {
  const [one, other] = [await newUser(), await newUser()];
  await node.api.end('logout', one.accessToken);
  await node.api.end('logoutEverywhere', other.accessToken);
  expect([await noticesTo(one.user.email), await noticesTo(other.user.email)]).toEqual([[], []]);
});

test.each([
  ['MAIL_NOTICES is none', silent, []],
  ['MAIL_NOTICES names one', choosy, ['session-reused']],
  ['the server sends no mail', without, []],
])('only notices that are switched on are written: %s', async (_when, on, kinds) => {
  const [one, other] = [await newUser(), await newUser()];
  expect(await login(one.user.email, client(SAFARI), on)).toEqual([]);
  expect(await changePassword(one, PASSWORD, on)).toMatchObject({ status: 200 });
  expect(await noticesTo(one.user.email)).toEqual([]);
  expect(await reuse(other, on)).toMatchObject({ code: 'REFRESH_TOKEN_REUSED' });
  expect((await noticesTo(other.user.email)).map(({ kind }) => kind)).toEqual(kinds);
});

test('nothing happens whose notice cannot be written', async () => {
  const [one, other] = [await newUser(), await newUser()];
  const live = () =>
    world.sql(
      `select u.password_hash, u.token_version, s.id, s.ended_at from users u join sessions s on s.user_id = u.id
       where u.id in ($1, $2) order by s.id`,
      [one.user.id, other.user.id],
    );
  await node.api.refreshed(await node.api.refreshed(other));
  const before = await live();
  await world.sql('alter table mails add constraint nothing_fits check (false) not valid');
  try {
    expect(await node.api.tryLogin(one.user.email, PASSWORD, client(SAFARI))).toMatchObject({ status: 500 });
    expect(await changePassword(one)).toMatchObject({ status: 500 });
    expect(await node.api.refresh(other.refreshToken, client())).toMatchObject({ status: 500 });
    expect(await live()).toEqual(before);
  } finally {
    await world.sql('alter table mails drop constraint nothing_fits');
  }
});

test('a change of email is told to the old address, when it is asked for and when it is made', async () => {
  const { user, accessToken } = await newUser();
  const newEmail = `new-${user.email}`;
  await node.api.mutate(
    `requestEmailChange(input: { newEmail: "${newEmail}", password: "${PASSWORD}" })`,
    accessToken,
    client(SAFARI),
  );
  const data = { newEmail, userAgent: SAFARI, ipAddress: '192.0.2.1' };
  const [mail] = (await waitingMails(world)).filter(({ recipient }) => recipient === newEmail);
  expect(await noticesTo(user.email)).toEqual([{ kind: 'email-change-requested', userId: user.id, data }]);
  const token = (await linkMaker(world)).of(mail!);
  await node.api.mutate(`confirmEmailChange(token: "${token}") { id }`, undefined, client(SAFARI));
  expect(await noticesTo(user.email)).toEqual([{ kind: 'email-changed', userId: user.id, data }]);
});

// Anybody can register the address of somebody else, who would get a mail for each login.
test('an address that was never verified gets no notices', async () => {
  const [one, other] = [await newUser({ isVerified: false }), await newUser({ isVerified: false })];
  expect(await login(one.user.email, client(SAFARI))).toEqual([]);
  const newEmail = `new-${one.user.email}`;
  const request = `requestEmailChange(input: { newEmail: "${newEmail}", password: "${PASSWORD}" })`;
  await node.api.mutate(request, one.accessToken);
  const [mail] = (await waitingMails(world)).filter(({ recipient }) => recipient === newEmail);
  const token = (await linkMaker(world)).of(mail!);
  await node.api.mutate(`confirmEmailChange(token: "${token}") { id }`);
  expect(await reuse(other)).toMatchObject({ code: 'REFRESH_TOKEN_REUSED' });
  const third = await newUser({ isVerified: false });
  expect(await changePassword(third)).toMatchObject({ status: 200 });
  for (const { email } of [one.user, other.user, third.user]) expect(await noticesTo(email)).toEqual([]);
});

test('a reset of the password is told', async () => {
  const { user } = await newUser();
  await node.api.mutate(`requestPasswordReset(email: "${user.email}")`);
  const [mail] = (await waitingMails(world)).filter(({ recipient }) => recipient === user.email);
  const token = (await linkMaker(world)).of(mail!);
  await noticesTo(user.email);
  await node.api.mutate(
    `resetPassword(input: { token: "${token}", newPassword: "another horse battery" }) { accessToken }`,
    undefined,
    client(SAFARI),
  );
  expect(await noticesTo(user.email)).toEqual([
    { kind: 'password-changed', userId: user.id, data: { userAgent: SAFARI, ipAddress: '192.0.2.1' } },
  ]);
});
