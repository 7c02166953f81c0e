import { randomUUID } from 'node:crypto';
import { linkUsesIn } from '../../src/postgres/link-uses';
import { PASSWORD, type Tokens } from '../support/api';
import { sharedDataSource } from '../support/data-source';
import { NEW_PASSWORD, newestLink, requestEmailChange, useLink } from '../support/link-requests';
import { holdMails, linkMaker, MAILING, waitingMails } from '../support/links';
import { sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [one, two] = sharedNodes(world, MAILING, MAILING);
beforeAll(() => holdMails(world));

const newEmail = () => `${randomUUID()}@example.com`;
const mailsTo = async (address: string) =>
  (await waitingMails(world))
    .filter(({ recipient }) => recipient === address)
    .map(({ kind, userId, tokenVersion, data }) => ({ kind, userId, tokenVersion, newEmail: data.newEmail }));

/** A user whose email is verified. */
async function verifiedUser(): Promise<Tokens> {
  const tokens = await one.api.newUser();
  await world.sql('update users set email_verified = true where id = $1', [tokens.user.id]);
  return tokens;
}

/** The token of the link to the new address. */
async function askForChange(tokens: Tokens, to: string, password?: string): Promise<string> {
  expect((await requestEmailChange(one.api, tokens, to, password)).data).toEqual({ it: true });
  return newestLink(world, 'email-change', to);
}

/** Changes the email of a user, and returns the link that undoes it. */
async function change(tokens: Tokens, to: string, password?: string): Promise<string> {
  const token = await askForChange(tokens, to, password);
  expect((await useLink(one.api, 'confirm-email', token)).data.it).toMatchObject({ email: to });
  return newestLink(world, 'email-changed', tokens.user.email);
}

test('an email is changed by the link to the new address, and the old address is told twice', async () => {
  const tokens = await verifiedUser();
  const { id, email } = tokens.user;
  const to = newEmail();
  const token = await askForChange(tokens, to);
  expect(await mailsTo(to)).toEqual([{ kind: 'email-change', userId: id, tokenVersion: 1, newEmail: to }]);
  expect((await one.api.me(tokens.accessToken)).data.me.email).toBe(email);

  const answer = await useLink(two.api, 'confirm-email', token);
  expect(answer.data.it).toEqual({ id, email: to, emailVerified: true, tokenVersion: 2 });
  expect(await mailsTo(email)).toEqual([
    { kind: 'email-change-requested', userId: id, tokenVersion: 1, newEmail: to },
    { kind: 'email-changed', userId: id, tokenVersion: 2, newEmail: to },
  ]);
  expect((await one.api.login(to)).user.id).toBe(id);
  expect((await one.api.tryLogin(email)).code).toBe('INVALID_CREDENTIALS');
  const events = await world.sql<{ type: string }>('select type from audit_events where user_id = $1', [id]);
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['EMAIL_CHANGE_REQUESTED', 'EMAIL_CHANGED']),
  );
});

test('a change ends every session and token on every node, with a confirmed receipt', async () => {
  const tokens = await verifiedUser();
  expect((await two.api.me(tokens.accessToken)).status).toBe(200);
  const token = await askForChange(tokens, newEmail());
  const { extensions } = await useLink(one.api, 'confirm-email', token);
  expect(extensions?.revocations).toEqual([
    expect.objectContaining({ scope: 'USER', tokenVersion: 2, endedSessions: 1, confirmed: true }),
  ]);
  expect((await two.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
  expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('a change needs the password', async () => {
  const tokens = await verifiedUser();
  const to = newEmail();
  expect((await requestEmailChange(one.api, tokens, to, 'a wrong one')).code).toBe('INVALID_CREDENTIALS');
  expect(await mailsTo(to)).toEqual([]);
});

test('the owner of a taken address is told, and the caller is not', async () => {
  const [tokens, { user: owner }] = [await verifiedUser(), await one.api.newUser()];
  const answer = await requestEmailChange(one.api, tokens, owner.email.toUpperCase());
  expect(answer.data).toEqual({ it: true });
  expect(await mailsTo(owner.email)).toMatchObject([{ kind: 'account-exists', userId: owner.id }]);
  expect(await mailsTo(owner.email.toUpperCase())).toEqual([]);
});

test('a user may change the spelling of their own email', async () => {
  const tokens = await verifiedUser();
  const to = tokens.user.email.toUpperCase();
  await change(tokens, to);
  expect((await one.api.login(tokens.user.email)).user.email).toBe(to);
});

test('an address that another account took since is refused', async () => {
  const tokens = await verifiedUser();
  const to = newEmail();
  const token = await askForChange(tokens, to);
  await one.api.register(to);
  expect((await useLink(one.api, 'confirm-email', token)).code).toBe('CONFLICT');
  expect((await one.api.me(tokens.accessToken)).status).toBe(200);
});

test('while a change can be undone, nobody else gets the address of before', async () => {
  const tokens = await verifiedUser();
  const { email, id } = tokens.user;
  const other = await verifiedUser();
  await change(tokens, newEmail());
  expect((await one.api.tryRegister(email)).code).toBe('CONFLICT');
  const token = await askForChange(other, email);
  expect((await useLink(one.api, 'confirm-email', token)).code).toBe('CONFLICT');
  await world.sql('update users set previous_email_until = now() where id = $1', [id]);
  expect((await useLink(one.api, 'confirm-email', token)).status).toBe(200);
});

test('the link to the old address undoes a change, removes the password, and mails a link for a new one', async () => {
  const tokens = await verifiedUser();
  const { email, id } = tokens.user;
  const to = newEmail();
  const undo = await change(tokens, to);
  const thief = await two.api.login(to);

  const answer = await useLink(one.api, 'undo-email', undo);
  expect(answer.data.it).toEqual({ id, email, emailVerified: true, tokenVersion: 3 });
  expect(answer.extensions?.revocations).toMatchObject([
    { scope: 'USER', endedSessions: 1, confirmed: true },
  ]);
  expect((await two.api.me(thief.accessToken)).reason).toBe('TOKEN_REVOKED');
  for (const each of [to, email]) expect((await one.api.tryLogin(each)).code).toBe('INVALID_CREDENTIALS');
  const reset = await newestLink(world, 'password-reset', email);
  expect((await useLink(one.api, 'reset-password', reset)).status).toBe(200);
  expect((await one.api.login(email, NEW_PASSWORD)).user.id).toBe(id);
  expect((await useLink(one.api, 'undo-email', undo)).code).toBe('LINK_INVALID');
});

test('a thief cannot keep the owner from undoing a change', async () => {
  const tokens = await verifiedUser();
  const { email, id } = tokens.user;
  const [second, third] = [newEmail(), newEmail()];
  const undo = await change(tokens, second);
  let thief = await one.api.login(second);
  await one.api.end('logoutEverywhere', thief.accessToken);
  thief = await one.api.login(second);
  const input = `{ currentPassword: "${PASSWORD}", newPassword: "${NEW_PASSWORD}" }`;
  thief = await one.api.mutate(
    `changePassword(input: ${input}) { accessToken user { id email } }`,
    thief.accessToken,
  );
  await change(thief, third, NEW_PASSWORD);
  const reset = await newestLink(world, 'email-changed', second);
  expect((await useLink(one.api, 'undo-email', reset)).code).toBe('LINK_INVALID');
  expect((await useLink(two.api, 'undo-email', undo)).data.it).toMatchObject({ id, email });
  expect((await one.api.tryLogin(third, NEW_PASSWORD)).code).toBe('INVALID_CREDENTIALS');
});

test('the link that undid a change does not undo a later one', async () => {
  const tokens = await verifiedUser();
  const { email } = tokens.user;
  const first = await change(tokens, newEmail());
  await useLink(one.api, 'undo-email', first);
  await useLink(one.api, 'reset-password', await newestLink(world, 'password-reset', email));
  const to = newEmail();
  const second = await change(await one.api.login(email, NEW_PASSWORD), to, NEW_PASSWORD);
  expect((await useLink(one.api, 'undo-email', first)).code).toBe('LINK_INVALID');
  expect((await one.api.login(to, NEW_PASSWORD)).user.email).toBe(to);
  expect((await useLink(one.api, 'undo-email', second)).data.it).toMatchObject({ email });
});

test('an address that was never verified is not kept', async () => {
  const tokens = await one.api.newUser();
  const { id, email } = tokens.user;
  await useLink(one.api, 'confirm-email', await askForChange(tokens, newEmail()));
  // It gets no mail either. This would be the link of one.
  expect(await mailsTo(email)).toEqual([]);
  const { make } = await linkMaker(world);
  const undo = make({ purpose: 'undo-email', userId: id, email, tokenVersion: 2 });
  expect((await useLink(one.api, 'undo-email', undo)).code).toBe('LINK_INVALID');
  expect((await one.api.tryRegister(email)).status).toBe(200);
});

test('an account that was never let in makes room for the owner of its address', async () => {
  const tokens = await verifiedUser();
  const { email, id } = tokens.user;
  const undo = await change(tokens, newEmail());
  // As a registration can do that has not seen the change yet.
  await world.sql(`insert into users (email, email_key, role, pending) values ($1, $1, 'USER', true)`, [
    email,
  ]);
  expect((await useLink(one.api, 'undo-email', undo)).data.it).toMatchObject({ id, email });
});

describe('of an address that somebody else registered, but did not verify', () => {
  const STRANGER = 'a hash that nobody can enter';
  const registerPending = (email: string, passwordHash: string | null, disabled = false) =>
    world.sql(
      `insert into users (email, email_key, password_hash, role, pending, disabled_at)
       values ($1, $1, $2, 'USER', true, case when $3 then now() end)`,
      [email, passwordHash, disabled],
    );
  const ownersOf = (email: string) => world.sql('select id from users where email_key = $1', [email]);

  test('the link goes to it, and the change removes the registration', async () => {
    const tokens = await verifiedUser();
    const { id } = tokens.user;
    const to = newEmail();
    await registerPending(to, STRANGER);
    const token = await askForChange(tokens, to);
    expect(await mailsTo(to)).toEqual([{ kind: 'email-change', userId: id, tokenVersion: 1, newEmail: to }]);
    expect((await useLink(one.api, 'confirm-email', token)).data.it).toMatchObject({ id, email: to });
    expect(await ownersOf(to)).toEqual([{ id }]);
  });

  test('a link that is no longer good removes nothing', async () => {
    const tokens = await verifiedUser();
    const to = newEmail();
    const token = await askForChange(tokens, to);
    await registerPending(to, STRANGER);
    const [stranger] = await ownersOf(to);
    await one.api.end('logoutEverywhere', tokens.accessToken);
    expect((await useLink(one.api, 'confirm-email', token)).code).toBe('LINK_INVALID');
    expect(await ownersOf(to)).toEqual([stranger]);
  });

  test.each([
    ['invited', null, false],
    ['disabled', STRANGER, true],
  ])('an account that is %s keeps its address', async (_, passwordHash, disabled) => {
    const tokens = await verifiedUser();
    const to = newEmail();
    const token = await askForChange(tokens, to);
    await registerPending(to, passwordHash, disabled);
    const [owner] = await ownersOf(to);
    expect((await useLink(one.api, 'confirm-email', token)).code).toBe('CONFLICT');
    expect(await ownersOf(to)).toEqual([owner]);
    expect((await requestEmailChange(one.api, tokens, to)).data).toEqual({ it: true });
    expect((await mailsTo(to)).map(({ kind }) => kind)).toEqual(['email-change', 'account-exists']);
  });
});

describe('what was confirmed before', () => {
  const dataSource = sharedDataSource(world, 2);

  const request = ({ user, session }: Tokens, tokenVersion: number) => {
    const event = { type: 'EMAIL_CHANGE_REQUESTED', userId: user.id } as const;
    return linkUsesIn(dataSource().manager, { hasCopies: true }).requestEmailChange(
      {
        session: { id: session.id, userId: user.id },
        tokenVersion,
        newEmail: newEmail(),
        requestedAt: new Date(),
      },
      event,
      {},
      [{ kind: 'email-change-requested' }],
    );
  };
  const written = ({ user }: Tokens) => world.sql('select id from mails where user_id = $1', [user.id]);

  test('writes no mail after a raise of the version', async () => {
    const tokens = await verifiedUser();
    await world.sql('update users set token_version = 2 where id = $1', [tokens.user.id]);
    expect(await request(tokens, 1)).toBe(false);
    expect(await written(tokens)).toEqual([]);
  });

  test('writes no mail after the end of the session', async () => {
    const tokens = await verifiedUser();
    await one.api.end('logout', tokens.accessToken);
    expect(await request(tokens, 1)).toBe(false);
    expect(await written(tokens)).toEqual([]);
  });

  test('writes both mails while it holds', async () => {
    const tokens = await verifiedUser();
    expect(await request(tokens, 1)).toBe(true);
    expect(await written(tokens)).toHaveLength(2);
  });
});
