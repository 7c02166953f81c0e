import { type Answer, PASSWORD } from '../support/api';
import { eventually } from '../support/eventually';
import { holdMails, linkMaker, MAILING, type WaitingMail, waitingMails } from '../support/links';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const settings = { ...MAILING, MAIL_NOTICES: 'none' };
const [open, verified, invited] = sharedNodes(
  world,
  { ...settings, REGISTRATION: 'open' },
  { ...settings, REGISTRATION: 'verified' },
  { ...settings, REGISTRATION: 'invited' },
);
beforeAll(() => holdMails(world));
const admin = shared(() => open.api.loginAsAdmin());
const links = shared(() => linkMaker(world));

const OTHER = 'another horse battery';

let names = 0;
const newEmail = () => `newcomer${++names}@example.com`;

interface Row {
  readonly id: string;
  readonly email: string;
  readonly pending: boolean;
  readonly email_verified: boolean;
  readonly has_password: boolean;
  readonly role: string;
  readonly token_version: number;
}
const accountOf = async (email: string) =>
  (
    await world.sql<Row>(
      `select id, email, pending, email_verified, password_hash is not null as has_password, role, token_version
       from users where email_key = $1`,
      [email.toLowerCase()],
    )
  )[0];

const mailsTo = async (email: string) =>
  (await waitingMails(world)).filter(({ recipient }) => recipient.toLowerCase() === email.toLowerCase());
const kindsTo = async (email: string) => (await mailsTo(email)).map(({ kind }) => kind);

const verify = (mail: WaitingMail) =>
  verified.api.send('mutation($t: String!) { verifyEmail(token: $t) { email emailVerified } }', {
    t: links.of(mail),
  });

/** Registers under `verified`, and returns the mail with the link. */
async function registerPending(email: string, password?: string): Promise<WaitingMail> {
  expect(await verified.api.tryRegister(email, password)).toMatchObject(UNVERIFIED);
  return (await mailsTo(email)).at(-1)!;
}

const invite = (email: string, role = 'ADMIN') =>
  open.api.send(
    `mutation($email: String!, $role: Role) { inviteUser(email: $email, role: $role) { id } }`,
    { email, role },
    admin.accessToken,
  );

const eventsOf = (userId: string | undefined) =>
  world.sql<{ type: string; actor_id: string | null; reason: string | null }>(
    'select type, actor_id, reason from audit_events where user_id = $1 order by created_at',
    [userId],
  );

const UNVERIFIED = { status: 403, code: 'EMAIL_NOT_VERIFIED' };
const UNKNOWN = { status: 401, code: 'INVALID_CREDENTIALS' };

describe('under "verified"', () => {
  test('nobody signs in before the link was opened', async () => {
    const email = newEmail();
    const mail = await registerPending(email);
    expect(await verified.api.tryLogin(email)).toMatchObject(UNVERIFIED);
    expect(await verified.api.tryLogin(email, OTHER)).toMatchObject(UNKNOWN);
    expect((await verify(mail)).data).toEqual({ verifyEmail: { email, emailVerified: true } });
    expect((await verified.api.tryLogin(email)).status).toBe(200);
  });

  test('a registration writes one mail and one event', async () => {
    const email = newEmail();
    await verified.api.tryRegister(email, PASSWORD, { 'user-agent': 'a new browser' });
    const { id } = (await accountOf(email))!;
    expect(await mailsTo(email)).toMatchObject([
      { kind: 'email-verification', userId: id, tokenVersion: 1, data: { userAgent: 'a new browser' } },
    ]);
    expect(await eventsOf(id)).toEqual([{ type: 'USER_REGISTERED', actor_id: null, reason: null }]);
  });

  test('the owner of a taken email gets a mail, and nothing of the account changes', async () => {
    const { user } = await open.api.newUser();
    const before = await accountOf(user.email);
    expect(await verified.api.tryRegister(user.email.toUpperCase(), OTHER)).toMatchObject(UNVERIFIED);
    expect(await accountOf(user.email)).toEqual(before);
    expect(await mailsTo(user.email)).toMatchObject([{ kind: 'account-exists', recipient: user.email }]);
    expect(await eventsOf(user.id)).toContainEqual({
      type: 'REGISTRATION_REFUSED',
      actor_id: null,
      reason: 'the email is taken',
    });
    expect((await open.api.tryLogin(user.email)).status).toBe(200);
  });

  test('the last registration before the link is opened counts, and the links of before end', async () => {
    const email = newEmail();
    const first = await registerPending(email);
    const second = await registerPending(email.toUpperCase(), OTHER);
    expect(await accountOf(email)).toMatchObject({ email: email.toUpperCase(), token_version: 2 });
    expect(await verify(first)).toMatchObject({ status: 400, code: 'LINK_INVALID' });
    expect((await verify(second)).status).toBe(200);
    expect(await verified.api.tryLogin(email)).toMatchObject(UNKNOWN);
    expect((await verified.api.tryLogin(email, OTHER)).status).toBe(200);
  });

  test('a new registration of the email is kept as long as the first one', async () => {
    const email = newEmail();
    await registerPending(email);
    await world.sql(`update users set created_at = now() - interval '29 days' where email = $1`, [email]);
    await registerPending(email, OTHER);
    const rows = await world.sql(
      `select created_at > now() - interval '1 hour' as is_new from users where email = $1`,
      [email],
    );
    expect(rows).toEqual([{ is_new: true }]);
  });

  test('an account that was let in is never overwritten, verified or not', async () => {
    const { user } = await open.api.newUser();
    expect(await accountOf(user.email)).toMatchObject({ email_verified: false, pending: false });
    await verified.api.tryRegister(user.email, OTHER);
    expect(await open.api.tryLogin(user.email, OTHER)).toMatchObject(UNKNOWN);
    expect(await accountOf(user.email)).toMatchObject({ token_version: 1 });
  });

  test('a user of before must verify the email at the next sign-in, and gets the mail', async () => {
    const { user, accessToken } = await open.api.newUser();
    expect(await verified.api.tryLogin(user.email)).toMatchObject(UNVERIFIED);
    expect((await verified.api.me(accessToken)).status).toBe(200);
    const [mail] = await mailsTo(user.email);
    expect(mail).toMatchObject({ kind: 'email-verification', userId: user.id });
    await verify(mail!);
    expect((await verified.api.tryLogin(user.email)).status).toBe(200);
    await eventually(async () =>
      expect(await eventsOf(user.id)).toContainEqual({
        type: 'LOGIN_FAILED',
        actor_id: null,
        reason: 'the email is not verified',
      }),
    );
  });

  test('an administrator signs in without a verified email', async () => {
    expect((await verified.api.loginAsAdmin()).accessToken).toEqual(expect.any(String));
  });

  test('a disabled user learns nothing from the right password', async () => {
    const email = newEmail();
    await registerPending(email);
    await world.sql('update users set disabled_at = now() where email = $1', [email]);
    expect(await verified.api.tryLogin(email)).toMatchObject(UNKNOWN);
    expect(await kindsTo(email)).toEqual(['email-verification']);
  });

  test('a disabled account is not overwritten', async () => {
    const email = newEmail();
    await registerPending(email);
    await world.sql('update users set disabled_at = now() where email = $1', [email]);
    await verified.api.tryRegister(email, OTHER);
    expect(await accountOf(email)).toMatchObject({ token_version: 1 });
    expect(await kindsTo(email)).toEqual(['email-verification', 'account-exists']);
  });

  test('a role that an earlier registration was given is not passed on', async () => {
    const email = newEmail();
    await registerPending(email);
    await world.sql(`update users set role = 'ADMIN' where email = $1`, [email]);
    await verified.api.tryRegister(email, OTHER);
    expect(await accountOf(email)).toMatchObject({ role: 'USER', token_version: 2 });
  });

  test('an invited account takes no password from a registration: it gets the invitation again', async () => {
    const email = newEmail();
    await invite(email);
    const before = await accountOf(email);
    expect(await verified.api.tryRegister(email)).toMatchObject(UNVERIFIED);
    expect(await accountOf(email)).toEqual(before);
    expect(await accountOf(email)).toMatchObject({ has_password: false, role: 'ADMIN', token_version: 1 });
    expect(await mailsTo(email)).toMatchObject([
      { kind: 'invitation', tokenVersion: 1 },
      { kind: 'invitation', tokenVersion: 1 },
    ]);
    expect(await verified.api.tryLogin(email)).toMatchObject(UNKNOWN);
  });

  test('an invitation of a pending registration removes its password, and ends its link', async () => {
    const email = newEmail();
    const mail = await registerPending(email, OTHER);
    await invite(email);
    expect(await accountOf(email)).toMatchObject({ has_password: false, role: 'ADMIN', token_version: 2 });
    expect(await verify(mail)).toMatchObject({ code: 'LINK_INVALID' });
    expect(await verified.api.tryLogin(email, OTHER)).toMatchObject(UNKNOWN);
  });

  test('an email that a change of email can still go back to is taken', async () => {
    const { user } = await open.api.newUser();
    const [old, now] = [newEmail(), newEmail()];
    await world.sql(
      `update users set previous_email = $2, previous_email_key = $2, previous_email_until = now() + interval '1 day',
         email = $3, email_key = $3 where id = $1`,
      [user.id, old, now],
    );
    expect(await verified.api.tryRegister(old)).toMatchObject(UNVERIFIED);
    expect(await accountOf(old)).toBeUndefined();
    expect(await mailsTo(old)).toMatchObject([{ kind: 'account-exists', userId: user.id }]);
    expect(await invite(old)).toMatchObject({ status: 409, code: 'CONFLICT' });
  });

  test('a password that the rules refuse is refused for every email alike, before anything is written', async () => {
    const { user } = await open.api.newUser();
    for (const email of [user.email, newEmail()]) {
      expect(await verified.api.tryRegister(email, 'password1')).toMatchObject({ code: 'BAD_USER_INPUT' });
      expect(await mailsTo(email)).toEqual([]);
    }
  });
});

describe('at the same moment', () => {
  const ROUNDS = 15;

  test('registrations of one email make one account, with the password of the last and one good link', async () => {
    const email = newEmail();
    const passwords = Array.from({ length: 8 }, (_, i) => `a password of caller ${i}`);
    const answers = await Promise.all(passwords.map((each) => verified.api.tryRegister(email, each)));
    expect(answers.map(({ code }) => code)).toEqual(passwords.map(() => 'EMAIL_NOT_VERIFIED'));
    expect(await accountOf(email)).toMatchObject({ token_version: 8, pending: true });
    const mails = await mailsTo(email);
    expect(mails.map(({ tokenVersion }) => tokenVersion).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const current = mails.find(({ tokenVersion }) => tokenVersion === 8)!;
    for (const mail of mails.filter((each) => each !== current))
      expect(await verify(mail)).toMatchObject({ code: 'LINK_INVALID' });
    expect((await verify(current)).status).toBe(200);
    const logins = await Promise.all(passwords.map((each) => verified.api.tryLogin(email, each)));
    expect(logins.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('a link verifies only the registration that it was made for', async () => {
    const seen = new Set<boolean>();
    for (let i = 0; i < ROUNDS; i++) {
      const email = newEmail();
      const mail = await registerPending(email);
      const [link, registration] = await Promise.all([verify(mail), verified.api.tryRegister(email, OTHER)]);
      expect(registration).toMatchObject(UNVERIFIED);
      const wasUsed = link.status === 200;
      seen.add(wasUsed);
      if (!wasUsed) expect(link.code).toBe('LINK_INVALID');
      expect(await accountOf(email)).toMatchObject({ pending: !wasUsed, token_version: wasUsed ? 1 : 2 });
      // Each time the owner is told of the second registration.
      expect((await kindsTo(email)).at(-1)).toBe(wasUsed ? 'account-exists' : 'email-verification');
      expect((await verified.api.tryLogin(email)).status).toBe(wasUsed ? 200 : 401);
      if (wasUsed) expect((await verified.api.tryLogin(email, OTHER)).status).toBe(401);
    }
    expect(seen.size).toBeGreaterThan(0);
  });

  test('an invitation beside a registration wins, and no password of the registration stays', async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const email = newEmail();
      const [invitation, registration] = await Promise.all([
        invite(email),
        verified.api.tryRegister(email, OTHER),
      ]);
      expect([invitation.status, registration.code]).toEqual([200, 'EMAIL_NOT_VERIFIED']);
      const account = await accountOf(email);
      expect(account).toMatchObject({ pending: true, has_password: false, role: 'ADMIN' });
      const current = (await mailsTo(email)).filter((mail) => mail.tokenVersion === account!.token_version);
      expect(new Set(current.map(({ kind }) => kind))).toEqual(new Set(['invitation']));
      expect(await verified.api.tryLogin(email, OTHER)).toMatchObject(UNKNOWN);
    }
  });

  test('a registration that waits for another one that is let in writes a mail to its owner', async () => {
    const email = newEmail();
    const release = await world.hold(
      `insert into users (email, email_key, password_hash, role) values ('${email}', '${email}', 'x', 'USER')`,
    );
    const answer = verified.api.tryRegister(email);
    await eventually(async () =>
      expect(
        await world.sql(
          `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        ),
      ).not.toEqual([]),
    );
    await release('commit');
    expect(await answer).toMatchObject(UNVERIFIED);
    expect(await kindsTo(email)).toEqual(['account-exists']);
    expect(await accountOf(email)).toMatchObject({ pending: false, token_version: 1 });
  });
});

describe('under "invited"', () => {
  test('registration is closed, for every email alike', async () => {
    const { user } = await open.api.newUser();
    const before = await world.sql('select count(*) from mails');
    const answers: Answer[] = [];
    for (const email of [user.email, newEmail()]) answers.push(await invited.api.tryRegister(email));
    for (const { status, code } of answers) expect([status, code]).toEqual([403, 'REGISTRATION_CLOSED']);
    expect(answers[0]!.errors).toEqual(answers[1]!.errors);
    expect(await world.sql('select count(*) from mails')).toEqual(before);
  });

  test('a user whose email is not verified signs in', async () => {
    const { user } = await open.api.newUser();
    expect((await invited.api.tryLogin(user.email)).status).toBe(200);
  });
});

describe('under "open"', () => {
  test('an account that waits for its link is taken, and is not let in without it', async () => {
    const email = newEmail();
    const mail = await registerPending(email);
    expect(await open.api.tryRegister(email)).toMatchObject({ status: 409, code: 'CONFLICT' });
    expect(await open.api.tryLogin(email)).toMatchObject(UNVERIFIED);
    await verify(mail);
    expect((await open.api.tryLogin(email)).status).toBe(200);
  });
});
