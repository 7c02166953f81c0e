import { AUTH, type Answer, type Tokens } from '../support/api';
import { sharedNodes, sharedWorld } from '../support/shared';
import { holdingCommits } from '../support/while-committing';

const world = sharedWorld();
const [one, two] = sharedNodes(world, {}, {});

const whileCommitting = holdingCommits(world, ['sessions']);

const roleChanger = async () => {
  const { accessToken } = await one.api.loginAsAdmin();
  return async ({ user }: Tokens) => {
    const query = 'mutation($id: ID!) { setRole(userId: $id, role: ADMIN) { role } }';
    const { setRole } = one.api.expect(await one.api.send(query, { id: user.id }, accessToken));
    expect(setRole.role).toBe('ADMIN');
  };
};

const isSignedIn = async ({ accessToken }: Tokens) => {
  expect((await one.api.me(accessToken)).status).toBe(200);
};

test('a refresh that waits for a change of role succeeds', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [, refreshed] = await whileCommitting(
    () => setRole(tokens),
    () => two.api.refreshed(tokens),
  );
  expect(refreshed.user.tokenVersion).toBe(2);
  await isSignedIn(await one.api.refreshed(refreshed));
});

test('a logout that waits for a change of role ends the session', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [, receipt] = await whileCommitting(
    () => setRole(tokens),
    () => two.api.end('logout', tokens.accessToken) as Promise<object>,
  );
  expect(receipt).toMatchObject({ confirmed: true });
  expect((await one.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
});

test('a login that waits for a change of role lives on', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [, login] = await whileCommitting(
    () => setRole(tokens),
    () => two.api.login(tokens.user.email),
  );
  await isSignedIn(login);
  await isSignedIn(await one.api.refreshed(login));
});

test('a login that a change of role waits for lives on', async () => {
  const [setRole, tokens] = [await roleChanger(), await one.api.newUser()];
  const [login] = await whileCommitting(
    () => two.api.login(tokens.user.email),
    () => setRole(tokens),
  );
  await isSignedIn(await one.api.refreshed(login));
});

test('a refresh that waits for a logout of the other sessions is refused, and the session lives on', async () => {
  const tokens = await one.api.newUser();
  const logoutOthers = async () => {
    const query = `mutation { logoutOthers ${AUTH} }`;
    return one.api.send(query, {}, tokens.accessToken);
  };
  const [kept, late]: [Answer, Answer] = await whileCommitting(logoutOthers, () =>
    two.api.refresh(tokens.refreshToken),
  );
  expect(late.code).toBe('REFRESH_TOKEN_INVALID');
  await isSignedIn(await two.api.refreshed(one.api.expect(kept).logoutOthers as Tokens));
});
