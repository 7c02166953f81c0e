import type { Link, LinkPurpose } from '../../src/core/link';
import { LONGEST_LINK_TOKEN } from '../../src/tokens/link';
import { PASSWORD, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { NEW_PASSWORD, newestLink, resetLink, useLink } from '../support/link-requests';
import { holdMails, linkMaker, MAILING, waitingMails } from '../support/links';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [one, two, mute] = sharedNodes(world, MAILING, MAILING, {});
const links = shared(() => linkMaker(world));
beforeAll(() => holdMails(world));

const requestReset = (email: string) => one.api.mutate(`requestPasswordReset(email: "${email}")`);
const mailsTo = async (address: string) =>
  (await waitingMails(world)).filter(({ recipient }) => recipient === address);
const eventsOf = async (userId: string) =>
  (await world.sql<{ type: string }>('select type from audit_events where user_id = $1', [userId])).map(
    ({ type }) => type,
  );

/** An account that was invited, and its link. */
async function invite(email: string) {
  const [row] = await world.sql<{ id: string }>(
    `insert into users (email, email_key, role, pending) values ($1, $1, 'USER', true) returning id`,
    [email],
  );
  const link: Link = { purpose: 'accept-invitation', userId: row?.id ?? '', email, tokenVersion: 1 };
  return { userId: link.userId, token: links.make(link), link };
}

test('a lost password is replaced by the link of a mail', async () => {
  const { user } = await one.api.newUser();
  expect(await requestReset(user.email.toUpperCase())).toBe(true);
  const answer = await useLink(
    two.api,
    'reset-password',
    await newestLink(world, 'password-reset', user.email),
  );
  const signedIn = one.api.expect(answer).it as Tokens;
  expect((await one.api.me(signedIn.accessToken)).data.me).toMatchObject({ id: user.id, tokenVersion: 2 });
  await one.api.refreshed(signedIn);
  expect((await one.api.tryLogin(user.email)).code).toBe('INVALID_CREDENTIALS');
  expect((await one.api.login(user.email, NEW_PASSWORD)).user.id).toBe(user.id);
  expect(await eventsOf(user.id)).toEqual(
    expect.arrayContaining(['PASSWORD_RESET_REQUESTED', 'PASSWORD_RESET']),
  );
});

test('a reset ends every session and token on every node, with a confirmed receipt', async () => {
  const first = await one.api.newUser();
  const second = await two.api.login(first.user.email);
  expect((await two.api.me(first.accessToken)).status).toBe(200);
  const answer = await useLink(one.api, 'reset-password', await resetLink(world, first));
  expect(answer.extensions?.revocations).toEqual([
    expect.objectContaining({ scope: 'USER', tokenVersion: 2, endedSessions: 2, confirmed: true }),
  ]);
  for (const { accessToken, refreshToken } of [first, second]) {
    expect((await two.api.me(accessToken)).reason).toBe('TOKEN_REVOKED');
    expect((await two.api.refresh(refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  }
  expect((await two.api.me(answer.data.it.accessToken)).status).toBe(200);
});

test('a reset writes a notice, and verifies the address', async () => {
  const { user, ...tokens } = await one.api.newUser();
  await useLink(one.api, 'reset-password', await resetLink(world, { user }), { 'user-agent': 'a browser' });
  expect(await mailsTo(user.email)).toMatchObject([
    { kind: 'password-changed', userId: user.id, tokenVersion: 2, data: { userAgent: 'a browser' } },
  ]);
  expect((await one.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
  const [row] = await world.sql('select email_verified from users where id = $1', [user.id]);
  expect(row).toEqual({ email_verified: true });
});

test('a request for a reset says and writes the same when there is no account', async () => {
  expect(await requestReset('nobody@example.com')).toBe(true);
  expect(await mailsTo('nobody@example.com')).toMatchObject([
    { kind: 'password-reset', userId: null, tokenVersion: null },
  ]);
});

test('in cookie mode a reset answers with a cookie', async () => {
  const token = await resetLink(world, await one.api.newUser());
  const query =
    'mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { refreshToken accessToken } }';
  const answer = await one.api.send(query, { input: { token, newPassword: NEW_PASSWORD, useCookie: true } });
  expect(answer.data.resetPassword.refreshToken).toBeNull();
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const refresh = 'mutation { refresh { accessToken } }';
  expect((await one.api.send(refresh, {}, undefined, { cookie })).status).toBe(200);
});

test('a password that the rules refuse leaves the link good', async () => {
  const { user } = await one.api.newUser();
  const token = await resetLink(world, { user });
  const query = 'mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { accessToken } }';
  for (const newPassword of ['short', user.email]) {
    expect((await one.api.send(query, { input: { token, newPassword } })).code).toBe('BAD_USER_INPUT');
  }
  expect((await useLink(one.api, 'reset-password', token)).status).toBe(200);
});

test('an invitation sets the first password, verifies the address and signs in', async () => {
  const { userId, token } = await invite('invited@example.com');
  expect((await one.api.tryLogin('invited@example.com')).code).toBe('INVALID_CREDENTIALS');
  const answer = await useLink(one.api, 'accept-invitation', token);
  const { accessToken } = one.api.expect(answer).it as Tokens;
  const { data } = await two.api.send('{ me { id emailVerified } }', {}, accessToken);
  expect(data.me).toEqual({ id: userId, emailVerified: true });
  expect((await one.api.login('invited@example.com', NEW_PASSWORD)).user.id).toBe(userId);
  expect(await eventsOf(userId)).toContain('INVITATION_ACCEPTED');
});

test('an invitation of an account that was let in since is refused', async () => {
  const { token, userId } = await invite('let-in@example.com');
  await world.sql('update users set pending = false where id = $1', [userId]);
  expect((await useLink(one.api, 'accept-invitation', token)).code).toBe('LINK_INVALID');
});

test('a link verifies the address, and every session and token lives on', async () => {
  const tokens = await one.api.newUser();
  expect(await one.api.mutate('requestEmailVerification', tokens.accessToken)).toBe(true);
  const token = await newestLink(world, 'email-verification', tokens.user.email);
  const answer = await useLink(two.api, 'verify-email', token);
  expect(answer.data.it).toMatchObject({ id: tokens.user.id, emailVerified: true, tokenVersion: 1 });
  expect((await one.api.me(tokens.accessToken)).status).toBe(200);
  await one.api.refreshed(tokens);
  expect((await useLink(two.api, 'verify-email', token)).code).toBe('LINK_INVALID');
  expect(await one.api.mutate('requestEmailVerification', tokens.accessToken)).toBe(false);
  expect(await mailsTo(tokens.user.email)).toHaveLength(1);
});

test('the holder of a link sees no sessions unless signed in', async () => {
  const { user, accessToken } = await one.api.newUser();
  const query = 'mutation($token: String!) { verifyEmail(token: $token) { id sessions { ipAddress } } }';
  const link = { userId: user.id, email: user.email, tokenVersion: 1, purpose: 'verify-email' } as const;
  const stranger = await one.api.send(query, { token: links.make(link) });
  expect(stranger).toMatchObject({ code: 'UNAUTHENTICATED', data: null });
  await world.sql('update users set email_verified = false where id = $1', [user.id]);
  const owner = await one.api.send(query, { token: links.make(link) }, accessToken);
  expect(owner.data.verifyEmail.sessions).toHaveLength(1);
});

test('without a mail server, what needs a mail is refused', async () => {
  const { accessToken } = await mute.api.newUser();
  const requests = [
    'requestPasswordReset(email: "a@example.com")',
    'requestEmailVerification',
    `requestEmailChange(input: { newEmail: "a@example.com", password: "${PASSWORD}" })`,
  ];
  for (const request of requests) {
    expect(await mute.api.send(`mutation { ${request} }`, {}, accessToken)).toMatchObject({
      status: 501,
      code: 'MAIL_NOT_CONFIGURED',
    });
  }
});

describe('a link that is not good', () => {
  const PURPOSES: LinkPurpose[] = [
    'reset-password',
    'accept-invitation',
    'verify-email',
    'confirm-email',
    'undo-email',
  ];

  let users = 0;
  /** A user for whom a link of this purpose is good. */
  async function target(purpose: LinkPurpose): Promise<{ link: Link; userId: string }> {
    const email = `${purpose}${++users}@example.com`;
    if (purpose === 'accept-invitation') return invite(email);
    const { user } = await one.api.register(email);
    const link: Link = { purpose, userId: user.id, email, tokenVersion: 1 };
    if (purpose === 'confirm-email') return { link: { ...link, email: `new-${email}` }, userId: user.id };
    if (purpose === 'undo-email') {
      await world.sql(
        `update users set previous_email = $2, previous_email_key = $2, previous_email_version = 1,
           previous_email_until = now() + interval '1 day' where id = $1`,
        [user.id, `old-${email}`],
      );
      return { link: { ...link, email: `old-${email}` }, userId: user.id };
    }
    return { link, userId: user.id };
  }

  const AGES = ['used', 'expired'] as const;
  const SUPERSEDED: Record<string, (userId: string) => Promise<unknown>> = {
    'superseded by a raise': (id) =>
      world.sql(
        `update users set token_version = token_version + 1,
           previous_email_version = previous_email_version + 1 where id = $1`,
        [id],
      ),
    'of a disabled user': (id) => world.sql('update users set disabled_at = now() where id = $1', [id]),
    'of a deleted user': (id) => world.sql('delete from users where id = $1', [id]),
  };

  /** What a client can tell answers apart by. */
  const shown = ({ status, data, errors, extensions }: Awaited<ReturnType<typeof useLink>>) =>
    JSON.stringify({ status, data, errors, extensions });

  test.each(PURPOSES)('is refused alike, whatever the reason: %s', async (purpose) => {
    const answers: Record<string, string> = {};
    const note = async (reason: string, token: string) => {
      answers[reason] = shown(await useLink(one.api, purpose, token));
    };
    for (const age of AGES) {
      const { link } = await target(purpose);
      const token = links.make(link, age === 'expired' ? -1 : 3600);
      if (age === 'used') expect((await useLink(two.api, purpose, token)).status).toBe(200);
      await note(age, token);
    }
    for (const [reason, supersede] of Object.entries(SUPERSEDED)) {
      const { link, userId } = await target(purpose);
      await supersede(userId);
      await note(reason, links.make(link));
    }
    const { link } = await target(purpose);
    const good = links.make(link);
    const isSame = (other: LinkPurpose) => other.endsWith('-email') && purpose.endsWith('-email');
    const another = PURPOSES.find((each) => each !== purpose && !isSame(each)) ?? purpose;
    await note('of another purpose', links.make({ ...link, purpose: another }));
    await note('of another address', links.make({ ...link, email: 'another@example.com', tokenVersion: 9 }));
    await note('forged', `${good.slice(0, -4)}AAAA`);
    await note('empty', '');
    await note('no token', 'text');
    await note('over-long', good.padEnd(LONGEST_LINK_TOKEN + 1, 'A'));
    await note('of unknown characters', `${good}\0\ud800`);
    await note('an access token', (await one.api.newUser()).accessToken);

    const [first = ''] = Object.values(answers);
    expect(JSON.parse(first)).toMatchObject({
      status: 400,
      data: null,
      errors: [{ extensions: { code: 'LINK_INVALID' } }],
    });
    expect(answers).toEqual(Object.fromEntries(Object.keys(answers).map((reason) => [reason, first])));
    expect((await useLink(one.api, purpose, good)).status).toBe(200);
  });

  test('changes nothing', async () => {
    const { user } = await one.api.newUser();
    const token = links.make({
      ...{ purpose: 'reset-password', userId: user.id },
      email: user.email,
      tokenVersion: 2,
    });
    expect((await useLink(one.api, 'reset-password', token)).code).toBe('LINK_INVALID');
    expect((await one.api.login(user.email)).user.tokenVersion).toBe(1);
    expect(await mailsTo(user.email)).toEqual([]);
  });

  test('is recorded in the audit log, with its user if it was ours', async () => {
    const { user } = await one.api.newUser();
    // On a node of its own: the refusals of a minute that are recorded are limited.
    await useLink(mute.api, 'reset-password', await resetLink(world, { user }, 7));
    const recorded = () =>
      world.sql(`select reason from audit_events where type = 'LINK_REFUSED' and user_id = $1`, [user.id]);
    await eventually(async () =>
      expect(await recorded()).toEqual([{ reason: 'reset-password: used or superseded' }]),
    );
  });
});

test.each<[string, (tokens: Tokens) => Promise<unknown>]>([
  [
    'the password was changed',
    ({ accessToken }) =>
      one.api.mutate(
        `changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "${NEW_PASSWORD} 2" }) { accessToken }`,
        accessToken,
      ),
  ],
  ['a logout everywhere', ({ accessToken }) => one.api.end('logoutEverywhere', accessToken)],
  ['another reset', async (tokens) => useLink(one.api, 'reset-password', await resetLink(world, tokens))],
])('a link from before is refused after %s', async (_what, end) => {
  const tokens = await one.api.newUser();
  expect(await requestReset(tokens.user.email)).toBe(true);
  const token = await newestLink(world, 'password-reset', tokens.user.email);
  await end(tokens);
  expect((await useLink(two.api, 'reset-password', token)).code).toBe('LINK_INVALID');
});
