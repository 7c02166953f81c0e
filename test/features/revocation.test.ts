import { createEmbeddedWorld } from '../support/embedded-world';
import { createWorld, type TestNode, type World } from '../support/world';
import { worldMaker } from '../support/world-maker';
import type { Tokens } from '../support/api';
import { decode } from 'jsonwebtoken';
import { eventually } from '../support/eventually';
import { keyIdsOf } from '../support/probes';

// With Redis the nodes share records. Without it each check reads Postgres. The embedded mode is one node with a Postgres
// in its own process. The promises are the same.
describe.each([
  ['two nodes on Postgres and Redis', () => createWorld()],
  ['two nodes on Postgres only', () => createWorld({ redis: null })],
  ['the embedded mode', createEmbeddedWorld],
])('revocation, %s', (mode, create) => {
  const newWorld = worldMaker(create);
  let world: World;
  let one: TestNode;
  let two: TestNode;
  let admin: Tokens;

  beforeAll(async () => {
    world = await create();
    [one, two] = await Promise.all([world.node(), world.node()]);
    admin = await one.api.loginAsAdmin();
  });
  afterAll(() => world.close());

  /** Has both nodes serve the token, so that anything they remember calls it good. */
  const warm = async (...tokens: Tokens[]) => {
    for (const { accessToken } of tokens) {
      for (const { api } of [one, two]) expect((await api.me(accessToken)).status).toBe(200);
    }
  };

  const expectRevoked = async ({ accessToken }: Tokens) => {
    for (const { api } of [two, one]) {
      expect(await api.me(accessToken)).toMatchObject({
        status: 401,
        code: 'UNAUTHENTICATED',
        reason: 'TOKEN_REVOKED',
      });
    }
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
    expect(await two.api.refresh(tokens.refreshToken)).toMatchObject({
      status: 401,
      code: 'REFRESH_TOKEN_INVALID',
    });
  });

  test('a logout on one device keeps the others signed in', async () => {
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    await warm(tokens, phone);
    await one.api.end('logout', phone.accessToken);
    await expectRevoked(phone);
    expect((await two.api.me(tokens.accessToken)).status).toBe(200);
  });

  test('a logout everywhere ends every device, and a new login works at once on every node', async () => {
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    await warm(tokens, phone);
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
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    await warm(tokens, phone);
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
    expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    expect((await two.api.refresh(phone.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
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
    expect(
      await two.api.end(`forceLogout(userId: "${tokens.user.id}", reason: "lost phone")`, admin.accessToken),
    ).toMatchObject({ scope: 'USER', tokenVersion: 2, endedSessions: 1, confirmed: true });
    await expectRevoked(tokens);
  });

  test('an administrator ends one session of a user', async () => {
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    await warm(tokens, phone);
    await one.api.end(`forceLogoutSession(sessionId: "${phone.session.id}")`, admin.accessToken);
    await expectRevoked(phone);
    expect((await one.api.me(tokens.accessToken)).status).toBe(200);
  });

  test('a password change ends the other sessions and every old token', async () => {
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    await warm(tokens, phone);
    const answer = await one.api.send(
      `mutation { changePassword(input: {currentPassword: "correct horse battery", newPassword: "staple and paper clip"}) { accessToken refreshToken } }`,
      {},
      tokens.accessToken,
    );
    await expectRevoked(tokens);
    await expectRevoked(phone);
    await warm({ ...tokens, ...one.api.expect(answer).changePassword });
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
    expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    await expect(two.api.login(tokens.user.email)).rejects.toThrow('INVALID_CREDENTIALS');

    await two.api.send(
      `mutation { enableUser(userId: "${tokens.user.id}") { disabled } }`,
      {},
      admin.accessToken,
    );
    await expectRevoked(tokens);
    expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    await warm(await one.api.login(tokens.user.email));
  });

  test('a role change ends tokens with the old role, and a refresh returns the new role', async () => {
    const tokens = await one.api.newUser();
    await warm(tokens);
    await one.api.send(
      `mutation { setRole(userId: "${tokens.user.id}", role: ADMIN) { role } }`,
      {},
      admin.accessToken,
    );
    await expectRevoked(tokens);
    const refreshed = one.api.expect(await two.api.refresh(tokens.refreshToken)).refresh as Tokens;
    expect(
      (await one.api.send('{ users { pageInfo { hasNextPage } } }', {}, refreshed.accessToken)).status,
    ).toBe(200);
    await one.api.send(
      `mutation { setRole(userId: "${tokens.user.id}", role: USER) { role } }`,
      {},
      admin.accessToken,
    );
    await expectRevoked(refreshed);
  });

  test('a logout with a revoked token ends its live session', async () => {
    const tokens = await one.api.newUser();
    await one.api.send(
      `mutation { setRole(userId: "${tokens.user.id}", role: ADMIN) { role } }`,
      {},
      admin.accessToken,
    );
    await expectRevoked(tokens);
    expect(await two.api.end('logout', tokens.accessToken)).toMatchObject({
      endedSessions: 1,
      confirmed: true,
    });
    expect((await one.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  });

  test('deleting an account ends its tokens for good, including those revoked singly', async () => {
    const tokens = await one.api.newUser();
    const phone = await two.api.login(tokens.user.email);
    await warm(tokens, phone);
    await one.api.end('logout', phone.accessToken);
    expect(
      await one.api.end('deleteAccount(password: "correct horse battery")', tokens.accessToken),
    ).toMatchObject({
      scope: 'USER',
      endedSessions: 1,
      confirmed: true,
    });
    await expectRevoked(tokens);
    await expectRevoked(phone);
    expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    // The email is free again. The old tokens do not belong to its new user.
    await one.api.register(tokens.user.email);
    await expectRevoked(tokens);
  });

  test('a second logout succeeds quietly', async () => {
    const tokens = await one.api.newUser();
    await one.api.end('logout', tokens.accessToken);
    expect(await two.api.end('logout', tokens.accessToken)).toMatchObject({
      endedSessions: 0,
      confirmed: true,
    });
  });

  test('forceLogoutAll ends every token and every session', async () => {
    const own = await newWorld();
    const [a, b] = await Promise.all([own.node(), own.node()]);
    const root = await a.api.loginAsAdmin();
    const user = await a.api.register('somebody@example.com');
    for (const { api } of [a, b]) expect((await api.me(user.accessToken)).status).toBe(200);
    expect(await a.api.end('forceLogoutAll(reason: "keys were stolen")', root.accessToken)).toMatchObject({
      scope: 'EVERYONE',
      tokenVersion: null,
      endedSessions: 2,
      confirmed: true,
    });
    for (const { api } of [b, a]) {
      expect((await api.me(user.accessToken)).reason).toBe('TOKEN_REVOKED');
      expect((await api.me(root.accessToken)).reason).toBe('TOKEN_REVOKED');
    }
    expect((await b.api.refresh(user.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    const again = await b.api.login('somebody@example.com');
    expect((await a.api.me(again.accessToken)).data.me.sessions).toHaveLength(1);
  });

  test('a revoked signing key ends its tokens everywhere, and sessions refresh with the new key', async () => {
    const own = await newWorld();
    const [a, b] = await Promise.all([own.node(), own.node()]);
    const root = await a.api.loginAsAdmin();
    const user = await b.api.register('somebody@example.com');
    for (const { api } of [a, b]) expect((await api.me(user.accessToken)).status).toBe(200);
    const rotated = await a.api.send(
      'mutation { rotateSigningKey(revokeOld: true) { id algorithm } }',
      {},
      root.accessToken,
    );
    expect(rotated.extensions?.revocations).toMatchObject([{ scope: 'EVERYONE', confirmed: true }]);
    for (const { api } of [b, a]) expect((await api.me(user.accessToken)).reason).toBe('TOKEN_REVOKED');
    // The other node must sign with the new key at once, not with the one that it knows.
    const refreshed = b.api.expect(await b.api.refresh(user.refreshToken)).refresh as Tokens;
    for (const { api } of [a, b]) expect((await api.me(refreshed.accessToken)).status).toBe(200);
    // A token of a revoked key proves no session, so the logout ends nothing and claims nothing.
    for (const { api } of [a, b]) {
      expect(await api.send('mutation { logout { confirmed } }', {}, user.accessToken)).toMatchObject({
        status: 401,
        reason: 'TOKEN_REVOKED',
      });
      expect((await api.me(refreshed.accessToken)).status).toBe(200);
    }
    for (const node of [a, b]) {
      await eventually(async () => expect(await keyIdsOf(node)).toEqual([rotated.data.rotateSigningKey.id]));
    }
  });

  test('a new key is published long before it signs, and tokens of the old key stay good', async () => {
    const own = await newWorld();
    const [a, b] = await Promise.all([own.node(), own.node()]);
    const root = await a.api.loginAsAdmin();
    const rotate = async (more = '') =>
      a.api.expect(
        await a.api.send(`mutation { rotateSigningKey${more} { id signsFrom } }`, {}, root.accessToken),
      ).rotateSigningKey as { id: string; signsFrom: string };
    const freshKeyIdsOf = (node: TestNode) => keyIdsOf(node, { 'cache-control': 'no-cache' });
    const signerOf = (tokens: Tokens) => decode(tokens.accessToken, { complete: true })?.header.kid;

    const next = await rotate();
    expect(Date.parse(next.signsFrom) - Date.now()).toBeGreaterThan(10 * 60_000);
    expect(await rotate()).toEqual(next);
    for (const node of [b, a])
      expect((await freshKeyIdsOf(node)).sort()).toEqual([signerOf(root), next.id].sort());
    expect(signerOf(await b.api.loginAsAdmin())).toBe(signerOf(root));

    // This process cannot change the embedded database.
    if (mode !== 'the embedded mode') {
      await own.sql('update fleet set next_signs_from = now()');
      const later = await b.api.loginAsAdmin();
      expect(signerOf(later)).toBe(next.id);
      for (const { api } of [b, a]) {
        expect((await api.me(root.accessToken)).status).toBe(200);
        expect((await api.me(later.accessToken)).status).toBe(200);
      }
    }

    // A thief of the other keys may have the next key too.
    const toCome = await rotate();
    const last = await rotate('(revokeOld: true)');
    expect(last.id).not.toBe(toCome.id);
    expect(Date.parse(last.signsFrom)).toBeLessThanOrEqual(Date.now());
    for (const node of [b, a]) expect(await freshKeyIdsOf(node)).toEqual([last.id]);
    expect(signerOf(await b.api.loginAsAdmin())).toBe(last.id);
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
