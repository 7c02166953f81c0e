import { randomUUID } from 'node:crypto';
import type { LinkPurpose } from '../../src/core/link';
import { type Answer, PASSWORD, type Tokens } from '../support/api';
import { NEW_PASSWORD, newestLink, useLink } from '../support/link-requests';
import { holdMails, linkMaker, MAILING } from '../support/links';
import { shared, sharedNodes, sharedWorld } from '../support/shared';
import type { TestNode } from '../support/world';
import { holdingCommits } from '../support/while-committing';

const world = sharedWorld();
const [one, two] = sharedNodes(world, MAILING, MAILING);
const links = shared(() => linkMaker(world));
beforeAll(() => holdMails(world));

const whileCommitting = holdingCommits(world, ['users', 'sessions']);

/** A request for a user, sent to a node when called. */
type Request = (node: TestNode) => Promise<Answer>;

const by =
  (purpose: LinkPurpose, token: string): Request =>
  ({ api }) =>
    useLink(api, purpose, token);

const linkOf = ({ user }: Tokens, purpose: LinkPurpose, email = user.email) =>
  by(purpose, links.make({ purpose, userId: user.id, email, tokenVersion: 1 }));

const resetOf = (tokens: Tokens) => linkOf(tokens, 'reset-password');
const changeOf = (tokens: Tokens) => linkOf(tokens, 'confirm-email', `${randomUUID()}@example.com`);
const loginOf =
  ({ user }: Tokens): Request =>
  ({ api }) =>
    api.tryLogin(user.email);
const send =
  ({ accessToken }: Tokens, mutation: string): Request =>
  ({ api }) =>
    api.send(`mutation { it: ${mutation} }`, {}, accessToken);
const logoutEverywhereOf = (tokens: Tokens) => send(tokens, 'logoutEverywhere { confirmed }');
const changePasswordOf = (tokens: Tokens) =>
  send(
    tokens,
    `changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "the third horse" }) { accessToken }`,
  );

const inTurn = (first: Request, second: Request): Promise<[Answer, Answer]> =>
  whileCommitting(
    () => first(one),
    () => second(two),
  );

const expectEnded = async (tokens: Tokens) => {
  for (const { api } of [one, two]) {
    expect((await api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    expect((await api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  }
};
const expectAlive = async ({ data }: Answer) => {
  const tokens = (data.it ?? data.login) as Tokens;
  expect((await two.api.me(tokens.accessToken)).status).toBe(200);
  await two.api.refreshed(tokens);
};

test('of twenty resets by one link at once, one succeeds', async () => {
  const tokens = await one.api.newUser();
  const reset = resetOf(tokens);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => reset(i % 2 === 0 ? one : two)));
  const good = answers.filter(({ status }) => status === 200);
  expect(good).toHaveLength(1);
  expect(answers.filter(({ code }) => code === 'LINK_INVALID')).toHaveLength(19);
  await expectAlive(good[0]!);
  await expectEnded(tokens);
});

test.each<[LinkPurpose, (tokens: Tokens) => Request]>([
  ['reset-password', resetOf],
  ['confirm-email', changeOf],
  ['verify-email', (tokens) => linkOf(tokens, 'verify-email')],
])('a use of a link that waits for another use is refused: %s', async (_purpose, requestOf) => {
  const use = requestOf(await one.api.newUser());
  const [first, second] = await inTurn(use, use);
  expect([first.status, second.code]).toEqual([200, 'LINK_INVALID']);
});

test.each<[string, (tokens: Tokens) => Request]>([
  ['a logout everywhere', logoutEverywhereOf],
  ['a change of email', changeOf],
  ['a change of the password', changePasswordOf],
])('a reset that waits for %s is refused', async (_what, requestOf) => {
  const tokens = await one.api.newUser();
  const [first, reset] = await inTurn(requestOf(tokens), resetOf(tokens));
  expect([first.status, reset.code]).toEqual([200, 'LINK_INVALID']);
  await expectEnded(tokens);
});

test('a change of email that waits for a reset is refused', async () => {
  const tokens = await one.api.newUser();
  const [reset, change] = await inTurn(resetOf(tokens), changeOf(tokens));
  expect([reset.status, change.code]).toEqual([200, 'LINK_INVALID']);
  await expectAlive(reset);
});

/** A registration that nobody verified yet, and its link. */
async function registration() {
  const email = `${randomUUID()}@example.com`;
  const [row] = await world.sql<{ id: string }>(
    `insert into users (email, email_key, password_hash, role, pending) values ($1, $1, '-', 'USER', true) returning id`,
    [email],
  );
  const link = { purpose: 'verify-email', userId: row?.id ?? '', email, tokenVersion: 1 } as const;
  return { email, verify: by('verify-email', links.make(link)) };
}

test('a change of email that waits for the new address to be verified is refused', async () => {
  const tokens = await one.api.newUser();
  const { email, verify } = await registration();
  const [verified, change] = await inTurn(verify, linkOf(tokens, 'confirm-email', email));
  expect([verified.status, change.code]).toEqual([200, 'CONFLICT']);
  expect((await one.api.me(tokens.accessToken)).status).toBe(200);
});

test('a verification that waits for a change of email to the same address is refused', async () => {
  const tokens = await one.api.newUser();
  const { email, verify } = await registration();
  const [change, verified] = await inTurn(linkOf(tokens, 'confirm-email', email), verify);
  expect([change.status, verified.code]).toEqual([200, 'LINK_INVALID']);
});

test('a change of the password that waits for a reset is refused', async () => {
  const tokens = await one.api.newUser();
  const [reset, change] = await inTurn(resetOf(tokens), changePasswordOf(tokens));
  expect([reset.status, change.code]).toEqual([200, 'INVALID_CREDENTIALS']);
  await expectAlive(reset);
  expect((await one.api.tryLogin(tokens.user.email, NEW_PASSWORD)).status).toBe(200);
});

test('a logout everywhere that waits for a reset ends the session of the reset', async () => {
  const tokens = await one.api.newUser();
  const [reset, logout] = await inTurn(resetOf(tokens), logoutEverywhereOf(tokens));
  expect([reset.status, logout.data.it]).toEqual([200, { confirmed: true }]);
  await expectEnded(reset.data.it as Tokens);
});

test('a login that waits for a reset is refused', async () => {
  const tokens = await one.api.newUser();
  const [reset, login] = await inTurn(resetOf(tokens), loginOf(tokens));
  expect([reset.status, login.code]).toEqual([200, 'INVALID_CREDENTIALS']);
  await expectAlive(reset);
});

test('a reset that waits for a login ends its session', async () => {
  const tokens = await one.api.newUser();
  const [login, reset] = await inTurn(loginOf(tokens), resetOf(tokens));
  expect([login.status, reset.status]).toEqual([200, 200]);
  await expectEnded(login.data.login as Tokens);
  await expectAlive(reset);
});

test('a reset beside logins with the old password leaves only its own session', async () => {
  const tokens = await one.api.newUser();
  const [reset, login] = [resetOf(tokens), loginOf(tokens)];
  const [done, ...logins] = await Promise.all([
    reset(one),
    ...[one, two, one, two].map((node) => login(node)),
  ]);
  expect(done.status).toBe(200);
  for (const { data } of logins) if (data?.login) await expectEnded(data.login as Tokens);
  await expectAlive(done);
});

describe('an undo', () => {
  /** A verified user whose email was changed, signed in again, and the request that undoes it. */
  async function changedUser() {
    const tokens = await one.api.newUser();
    const { id, email } = tokens.user;
    await world.sql('update users set email_verified = true where id = $1', [id]);
    const changed = await changeOf(tokens)(one);
    const thief = await one.api.login(changed.data.it.email as string);
    return { email, thief, undo: by('undo-email', await newestLink(world, 'email-changed', email)) };
  }

  test('that waits for a logout everywhere succeeds', async () => {
    const { email, thief, undo } = await changedUser();
    const [logout, undone] = await inTurn(logoutEverywhereOf(thief), undo);
    expect([logout.status, undone.data.it]).toMatchObject([200, { email, tokenVersion: 4 }]);
    await expectEnded(thief);
  });

  test('that waits for another undo is refused', async () => {
    const { undo } = await changedUser();
    const [first, second] = await inTurn(undo, undo);
    expect([first.status, second.code]).toEqual([200, 'LINK_INVALID']);
  });
});

test('a registration that waits for a change of email does not get the address of before', async () => {
  const tokens = await one.api.newUser();
  await world.sql('update users set email_verified = true where id = $1', [tokens.user.id]);
  const register: Request = ({ api }) => api.tryRegister(tokens.user.email);
  const [changed, registered] = await inTurn(changeOf(tokens), register);
  expect([changed.status, registered.code]).toEqual([200, 'CONFLICT']);
});
