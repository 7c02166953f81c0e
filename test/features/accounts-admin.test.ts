import { type Answer, PASSWORD, type Tokens } from '../support/api';
import { holdMails, linkMaker, MAILING, waitingMails } from '../support/links';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const settings = { ...MAILING, MAIL_NOTICES: 'none' };
const [node, other, withoutMail] = sharedNodes(world, settings, settings, {});
beforeAll(() => holdMails(world));
const admin = shared(() => node.api.loginAsAdmin());
const links = shared(() => linkMaker(world));

let names = 0;
const newEmail = () => `invitee${++names}@example.com`;

const asAdmin = (query: string, variables: object = {}, on = node): Promise<Answer> =>
  on.api.send(query, variables, admin.accessToken);
const invite = (email: string, role?: string | null, on = node) =>
  asAdmin(
    `mutation($email: String!${role === undefined ? '' : ', $role: Role'}) {
       inviteUser(email: $email${role === undefined ? '' : ', role: $role'}) { id email role emailVerified tokenVersion }
     }`,
    { email, role },
    on,
  );
const remove = (userId: string, on = node) =>
  asAdmin(
    `mutation($id: ID!) {
       deleteUser(userId: $id, reason: "left us") { scope tokenVersion endedSessions confirmed }
     }`,
    { id: userId },
    on,
  );
const mailReset = (userId: string, on = node) =>
  asAdmin('mutation($id: ID!) { sendPasswordReset(userId: $id) }', { id: userId }, on);

const mailsTo = async (email: string) =>
  (await waitingMails(world)).filter(({ recipient }) => recipient === email);
const lastLinkTo = async (email: string) => links.of((await mailsTo(email)).at(-1)!);

const accept = (token: string, password = PASSWORD) =>
  node.api.send(
    'mutation($i: AcceptInvitationInput!) { acceptInvitation(input: $i) { accessToken user { email role emailVerified } } }',
    { i: { token, password } },
  );
const reset = (token: string, on = node) =>
  on.api.send('mutation($i: ResetPasswordInput!) { resetPassword(input: $i) { accessToken refreshToken } }', {
    i: { token, newPassword: 'staple and paper clip' },
  });
const eventsOf = (userId: string, type: string) =>
  world.sql('select actor_id, reason from audit_events where user_id = $1 and type = $2', [userId, type]);

describe('an invitation', () => {
  test('lets its recipient set a password, with the role that it names', async () => {
    const email = newEmail();
    const { data } = await invite(email, 'ADMIN');
    expect(data.inviteUser).toMatchObject({ email, role: 'ADMIN', emailVerified: false });
    expect(await node.api.tryLogin(email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    const accepted = await accept(await lastLinkTo(email));
    expect(accepted.data.acceptInvitation.user).toEqual({ email, role: 'ADMIN', emailVerified: true });
    expect((await node.api.tryLogin(email)).status).toBe(200);
    expect(await eventsOf(data.inviteUser.id, 'USER_INVITED')).toEqual([
      { actor_id: admin.user.id, reason: 'as ADMIN' },
    ]);
  });

  test.each([undefined, null])('without a role makes a user: %p', async (role) => {
    expect((await invite(newEmail(), role)).data.inviteUser.role).toBe('USER');
  });

  test('that is repeated sets the role anew, and ends the link of before', async () => {
    const email = newEmail();
    const first = (await invite(email, 'ADMIN')).data.inviteUser;
    const old = await lastLinkTo(email);
    expect((await invite(email.toUpperCase(), 'USER')).data.inviteUser).toEqual({
      ...first,
      email: email.toUpperCase(),
      role: 'USER',
      tokenVersion: 2,
    });
    expect(await accept(old)).toMatchObject({ status: 400, code: 'LINK_INVALID' });
    expect((await accept(await lastLinkTo(email.toUpperCase()))).status).toBe(200);
  });

  test('is refused for an email that has an account', async () => {
    const { user } = await node.api.newUser();
    expect(await invite(user.email)).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect(await mailsTo(user.email)).toEqual([]);
  });

  test('is refused for a disabled one, whose invitation then stays ended', async () => {
    const email = newEmail();
    const { id } = (await invite(email)).data.inviteUser;
    const link = await lastLinkTo(email);
    await asAdmin('mutation($id: ID!) { disableUser(userId: $id) { id } }', { id });
    expect(await invite(email)).toMatchObject({ code: 'CONFLICT' });
    expect(await accept(link)).toMatchObject({ code: 'LINK_INVALID' });
  });

  test('is withdrawn by deleting the user', async () => {
    const email = newEmail();
    const { id } = (await invite(email)).data.inviteUser;
    const link = await lastLinkTo(email);
    expect((await remove(id)).data.deleteUser).toMatchObject({ endedSessions: 0, confirmed: true });
    expect(await accept(link)).toMatchObject({ code: 'LINK_INVALID' });
  });

  test.each(['', 'nobody', 'a\u200bb@example.com', `${'x'.repeat(250)}@example.com`])(
    'to %j is refused',
    async (email) => {
      expect(await invite(email)).toMatchObject({ status: 400, code: 'BAD_USER_INPUT' });
    },
  );

  test('is refused by a server that sends no mail, before it makes an account', async () => {
    const email = newEmail();
    expect(await invite(email, 'USER', withoutMail)).toMatchObject({
      status: 501,
      code: 'MAIL_NOT_CONFIGURED',
    });
    expect(await world.sql('select id from users where email = $1', [email])).toEqual([]);
  });

  test('of one email at once, by several administrators, leaves one account and one good link', async () => {
    const email = newEmail();
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => invite(email, 'USER', i % 2 ? node : other)),
    );
    expect(new Set(answers.map(({ data }) => data.inviteUser.id)).size).toBe(1);
    const accepted = await Promise.all((await mailsTo(email)).map((mail) => accept(links.of(mail))));
    expect(accepted.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
  });
});

describe('the deletion of a user', () => {
  test('ends every token on every node before the receipt says so, and every session and link', async () => {
    const tokens = await node.api.newUser();
    const { id, email } = tokens.user;
    expect((await other.api.me(tokens.accessToken)).status).toBe(200);
    await mailReset(id);
    const link = await lastLinkTo(email);
    expect((await remove(id)).data.deleteUser).toEqual({
      scope: 'USER',
      tokenVersion: 2_147_483_647,
      endedSessions: 1,
      confirmed: true,
    });
    for (const each of [node, other])
      expect(await each.api.me(tokens.accessToken)).toMatchObject({ reason: 'TOKEN_REVOKED' });
    expect(await other.api.refresh(tokens.refreshToken)).toMatchObject({ code: 'REFRESH_TOKEN_INVALID' });
    expect(await reset(link, other)).toMatchObject({ code: 'LINK_INVALID' });
    expect(await node.api.tryLogin(email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect(await eventsOf(id, 'USER_DELETED')).toEqual([{ actor_id: admin.user.id, reason: 'left us' }]);
  });

  test('frees the email, and a new account there revives no token', async () => {
    const before = await node.api.newUser();
    await remove(before.user.id);
    const after = await node.api.register(before.user.email);
    expect(after.user.id).not.toBe(before.user.id);
    expect(await other.api.me(before.accessToken)).toMatchObject({ reason: 'TOKEN_REVOKED' });
    expect((await other.api.me(after.accessToken)).status).toBe(200);
  });

  test.each(['00000000-0000-4000-8000-000000000000', 'no id'])('of %s finds nobody', async (id) => {
    expect(await remove(id)).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('is refused for the last administrator who can sign in', async () => {
    // One who was only invited does not count.
    await invite(newEmail(), 'ADMIN');
    await world.sql(`update users set role = 'USER' where role = 'ADMIN' and not pending and id <> $1`, [
      admin.user.id,
    ]);
    expect(await remove(admin.user.id)).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect((await node.api.me(admin.accessToken)).status).toBe(200);
  });

  const ROUNDS = 12;
  const accessOf = ({ data }: Answer, field: string): string | undefined => data?.[field]?.accessToken;

  test('beside a login leaves no token that is good after the receipt', async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const { user } = await node.api.newUser();
      const [deletion, ...logins] = await Promise.all([
        remove(user.id),
        node.api.tryLogin(user.email),
        other.api.tryLogin(user.email),
      ]);
      expect(deletion.data.deleteUser.confirmed).toBe(true);
      for (const login of logins) {
        expect([200, 401]).toContain(login.status);
        const token = accessOf(login, 'login');
        if (token !== undefined) expect(await other.api.me(token)).toMatchObject({ reason: 'TOKEN_REVOKED' });
      }
    }
  });

  test('beside a reset by link leaves no token that is good after the receipt', async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const { user } = await node.api.newUser();
      await mailReset(user.id);
      const link = await lastLinkTo(user.email);
      const [deletion, used] = await Promise.all([remove(user.id), reset(link, other)]);
      expect(deletion.data.deleteUser.confirmed).toBe(true);
      if (used.status !== 200) expect(used.code).toBe('LINK_INVALID');
      const token = accessOf(used, 'resetPassword');
      if (token !== undefined) expect(await node.api.me(token)).toMatchObject({ reason: 'TOKEN_REVOKED' });
      expect(await node.api.tryLogin(user.email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    }
  });
});

describe('a password reset by an administrator', () => {
  test('mails a link that ends every session, and does not say where the administrator is', async () => {
    const tokens: Tokens = await node.api.newUser();
    expect((await mailReset(tokens.user.id)).data).toEqual({ sendPasswordReset: true });
    const mails = await mailsTo(tokens.user.email);
    expect(mails).toMatchObject([{ kind: 'password-reset', userId: tokens.user.id, data: {} }]);
    expect(mails[0]?.data).toEqual({});
    expect(await eventsOf(tokens.user.id, 'PASSWORD_RESET_REQUESTED')).toEqual([
      { actor_id: admin.user.id, reason: null },
    ]);
    // The user stays signed in until the link is used.
    expect((await other.api.me(tokens.accessToken)).status).toBe(200);
    expect((await reset(links.of(mails[0]!))).status).toBe(200);
    expect(await other.api.me(tokens.accessToken)).toMatchObject({ reason: 'TOKEN_REVOKED' });
  });

  test('lets in a user who was invited', async () => {
    const email = newEmail();
    const { id } = (await invite(email)).data.inviteUser;
    const invitation = await lastLinkTo(email);
    await mailReset(id);
    expect((await reset(await lastLinkTo(email))).status).toBe(200);
    expect((await node.api.tryLogin(email, 'staple and paper clip')).status).toBe(200);
    expect(await accept(invitation)).toMatchObject({ code: 'LINK_INVALID' });
  });

  test('is refused for a disabled user, for nobody, and without a mail server', async () => {
    const { user } = await node.api.newUser();
    expect(await mailReset(user.id, withoutMail)).toMatchObject({ code: 'MAIL_NOT_CONFIGURED' });
    await asAdmin('mutation($id: ID!) { disableUser(userId: $id) { id } }', { id: user.id });
    expect(await mailReset(user.id)).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect(await mailReset('00000000-0000-4000-8000-000000000000')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await mailReset('no id')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await mailsTo(user.email)).toEqual([]);
  });
});
