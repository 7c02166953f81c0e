import { PASSWORD, type Tokens } from '../support/api';
import { EVERY_STORE } from '../support/embedded-world';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

describe.each(EVERY_STORE)('revocation, %s', (mode, create) => {
  const world = sharedWorld(create);
  const [one, two] = sharedNodes(world, {}, {});
  const admin = shared(() => one.api.loginAsAdmin());
  const asAdmin = (mutation: string) => one.api.mutate(mutation, admin.accessToken);

  /** Registers a user, who signs in on a second device. Both nodes serve both tokens. */
  const twoDevices = async () => {
    const laptop = await one.api.newUser();
    const phone = await two.api.login(laptop.user.email);
    await warm(laptop, phone);
    return [laptop, phone] as const;
  };

  /** Has both nodes serve the token, so that anything they remember calls it good. */
  const warm = async (...tokens: Tokens[]) => {
    for (const { accessToken } of tokens) {
      for (const { api } of [one, two]) expect((await api.me(accessToken)).status).toBe(200);
    }
  };

  const expectRevoked = async ({ accessToken }: Tokens) => {
    for (const { api } of [two, one]) {
      const refusal = { status: 401, code: 'UNAUTHENTICATED', reason: 'TOKEN_REVOKED' };
      expect(await api.me(accessToken)).toMatchObject(refusal);
    }
  };

  const expectNoRefresh = async (...tokens: Tokens[]) => {
    for (const { refreshToken } of tokens)
      expect(await two.api.refresh(refreshToken)).toMatchObject({
        status: 401,
        code: 'REFRESH_TOKEN_INVALID',
      });
  };

  test('a logout on one node is final on the other node at its next request', async () => {
    const tokens = await one.api.newUser();
    await warm(tokens);
    expect(await one.api.end('logout', tokens.accessToken)).toMatchObject({
      scope: 'SESSION',
      endedSessions: 1,
      confirmed: true,
      unconfirmedReason: null,
    });
    await expectRevoked(tokens);
  });

  test('the refresh token of an ended session is refused', async () => {
    const tokens = await one.api.newUser();
    await one.api.end('logout', tokens.accessToken);
    await expectNoRefresh(tokens);
  });

  test('a logout on one device keeps the others signed in', async () => {
    const [tokens, phone] = await twoDevices();
    await one.api.end('logout', phone.accessToken);
    await expectRevoked(phone);
    expect((await two.api.me(tokens.accessToken)).status).toBe(200);
  });

  test('a logout everywhere ends every device, and a new login works at once on every node', async () => {
    const [tokens, phone] = await twoDevices();
    expect(await two.api.end('logoutEverywhere', phone.accessToken)).toMatchObject({
      scope: 'USER',
      tokenVersion: 2,
      endedSessions: 2,
      confirmed: true,
    });
    await expectRevoked(tokens);
    await expectRevoked(phone);
    const again = await one.api.login(tokens.user.email);
    expect(again.user.tokenVersion).toBe(2);
    await warm(again);
  });

  test('logoutOthers ends the other sessions and every old token, and returns new tokens', async () => {
    const [tokens, phone] = await twoDevices();
    const answer = await one.api.send(
      'mutation { logoutOthers { accessToken refreshToken session { id } user { tokenVersion } } }',
      {},
      tokens.accessToken,
    );
    const renewed = one.api.expect(answer).logoutOthers as Tokens;
    expect(renewed.session.id).toBe(tokens.session.id);
    expect(answer.extensions?.revocations).toMatchObject([
      { scope: 'USER', endedSessions: 1, confirmed: true },
    ]);
    await expectRevoked(tokens);
    await expectRevoked(phone);
    await warm(renewed);
    await expectNoRefresh(tokens, phone);
    expect((await two.api.refresh(renewed.refreshToken)).status).toBe(200);
  });

  test('a user can end one of their sessions; foreign and unknown ids look alike', async () => {
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    const stranger = await one.api.newUser();
    await warm(phone);
    await one.api.end(`logoutSession(sessionId: "${phone.session.id}")`, tokens.accessToken);
    await expectRevoked(phone);
    for (const id of [stranger.session.id, '00000000-0000-4000-8000-000000000000', 'no id at all']) {
      const answer = await one.api.send(
        'mutation($id: ID!) { logoutSession(sessionId: $id) { scope } }',
        { id },
        tokens.accessToken,
      );
      expect(answer).toMatchObject({ status: 404, code: 'NOT_FOUND' });
      expect(answer.errors?.[0]?.message).toBe('The session was not found.');
    }
    expect((await two.api.me(stranger.accessToken)).status).toBe(200);
  });

  test('an administrator ends all sessions of a user', async () => {
    const tokens = await one.api.newUser();
    await warm(tokens);
    const forced = `forceLogout(userId: "${tokens.user.id}", reason: "lost phone")`;
    const receipt = await two.api.end(forced, admin.accessToken);
    expect(receipt).toMatchObject({ scope: 'USER', tokenVersion: 2, endedSessions: 1, confirmed: true });
    await expectRevoked(tokens);
  });

  test('an administrator ends one session of a user', async () => {
    const [tokens, phone] = await twoDevices();
    await one.api.end(`forceLogoutSession(sessionId: "${phone.session.id}")`, admin.accessToken);
    await expectRevoked(phone);
    expect((await one.api.me(tokens.accessToken)).status).toBe(200);
  });

  test('a password change ends the other sessions and every old token', async () => {
    const [tokens, phone] = await twoDevices();
    const input = `{currentPassword: "${PASSWORD}", newPassword: "staple and paper clip"}`;
    const renewed = await one.api.mutate(
      `changePassword(input: ${input}) { accessToken refreshToken }`,
      tokens.accessToken,
    );
    await expectRevoked(tokens);
    await expectRevoked(phone);
    await warm(renewed);
    await expect(two.api.login(tokens.user.email)).rejects.toThrow('INVALID_CREDENTIALS');
    await two.api.login(tokens.user.email, 'staple and paper clip');
  });

  test('disabling a user ends their tokens and sessions, and enabling revives none', async () => {
    const tokens = await one.api.newUser();
    await warm(tokens);
    const disabled = await one.api.send(
      `mutation { disableUser(userId: "${tokens.user.id}") { disabled tokenVersion } }`,
      {},
      admin.accessToken,
    );
    expect(disabled.data.disableUser).toEqual({ disabled: true, tokenVersion: 2 });
    expect(disabled.extensions?.revocations).toMatchObject([
      { scope: 'USER', endedSessions: 1, confirmed: true },
    ]);
    await expectRevoked(tokens);
    await expectNoRefresh(tokens);
    await expect(two.api.login(tokens.user.email)).rejects.toThrow('INVALID_CREDENTIALS');

    await asAdmin(`enableUser(userId: "${tokens.user.id}") { disabled }`);
    await expectRevoked(tokens);
    await expectNoRefresh(tokens);
    await warm(await one.api.login(tokens.user.email));
  });

  test('a role change ends tokens with the old role, and a refresh returns the new role', async () => {
    const tokens = await one.api.newUser();
    await warm(tokens);
    await asAdmin(`setRole(userId: "${tokens.user.id}", role: ADMIN) { role }`);
    await expectRevoked(tokens);
    const refreshed = await two.api.refreshed(tokens);
    const users = await one.api.send('{ users { pageInfo { hasNextPage } } }', {}, refreshed.accessToken);
    expect(users.status).toBe(200);
    await asAdmin(`setRole(userId: "${tokens.user.id}", role: USER) { role }`);
    await expectRevoked(refreshed);
  });

  test('a logout with a revoked token ends its live session', async () => {
    const tokens = await one.api.newUser();
    await asAdmin(`setRole(userId: "${tokens.user.id}", role: ADMIN) { role }`);
    await expectRevoked(tokens);
    const receipt = await two.api.end('logout', tokens.accessToken);
    expect(receipt).toMatchObject({ endedSessions: 1, confirmed: true });
    await expectNoRefresh(tokens);
  });

  test('deleting an account ends its tokens for good, including those revoked singly', async () => {
    const [tokens, phone] = await twoDevices();
    await one.api.end('logout', phone.accessToken);
    const receipt = await one.api.end(`deleteAccount(password: "${PASSWORD}")`, tokens.accessToken);
    expect(receipt).toMatchObject({ scope: 'USER', endedSessions: 1, confirmed: true });
    await expectRevoked(tokens);
    await expectRevoked(phone);
    await expectNoRefresh(tokens);
    // The email is free again. The old tokens do not belong to its new user.
    await one.api.register(tokens.user.email);
    await expectRevoked(tokens);
  });

  test('a second logout succeeds quietly', async () => {
    const tokens = await one.api.newUser();
    await one.api.end('logout', tokens.accessToken);
    const receipt = await two.api.end('logout', tokens.accessToken);
    expect(receipt).toMatchObject({ endedSessions: 0, confirmed: true });
  });

  // Views learn only published revocations, so only Postgres can answer this.
  if (mode !== 'two nodes on Postgres only') return;

  test('a disabled user has no good token, whatever the versions', async () => {
    const tokens = await one.api.newUser();
    // A restored backup may leave this state.
    await world.sql('update users set disabled_at = now() where id = $1', [tokens.user.id]);
    await expectRevoked(tokens);
    await expectRevoked(tokens);
  });
});
