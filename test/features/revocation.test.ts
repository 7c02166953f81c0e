import { createEmbeddedWorld } from '../support/embedded-world';
import { ADMIN, createWorld, type TestNode, type World } from '../support/world';
import type { Tokens } from '../support/api';
import { decode } from 'jsonwebtoken';
import { eventually } from '../support/eventually';

// With Redis the nodes share records; without it each check reads Postgres; embedded there is one node, with a Postgres
// in its own process. The promises are the same.
describe.each([
  ['two nodes on Postgres and Redis', () => createWorld()],
  ['two nodes on Postgres alone', () => createWorld({ redis: null })],
  ['the embedded mode', createEmbeddedWorld],
])('revocation, %s', (mode, newWorld) => {
  let world: World;
  let one: TestNode;
  let two: TestNode;
  let admin: Tokens;
  let count = 0;

  beforeAll(async () => {
    world = await newWorld();
    [one, two] = await Promise.all([world.node(), world.node()]);
    admin = await one.api.login(ADMIN.email, ADMIN.password);
  });
  afterAll(() => world.close());

  const newUser = async () => {
    const email = `user${++count}@example.com`;
    return { email, tokens: await one.api.register(email) };
  };

  /** Lets both nodes serve the token first, so that whatever they remember, they remember it as good. */
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

  test('a logout on one node is final on the other at its next request', async () => {
    const { tokens } = await newUser();
    await warm(tokens);
    expect(await one.api.end('logout', tokens.accessToken)).toMatchObject({
      scope: 'SESSION',
      endedSessions: 1,
      confirmed: true,
      unconfirmedReason: null,
    });
    await expectRevoked(tokens);
  });

  test('the refresh token of a session that was logged out brings nobody back', async () => {
    const { tokens } = await newUser();
    await one.api.end('logout', tokens.accessToken);
    expect(await two.api.refresh(tokens.refreshToken)).toMatchObject({
      status: 401,
      code: 'REFRESH_TOKEN_INVALID',
    });
  });

  test('a logout of one device leaves the others signed in', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
    await warm(tokens, phone);
    await one.api.end('logout', phone.accessToken);
    await expectRevoked(phone);
    expect((await two.api.me(tokens.accessToken)).status).toBe(200);
  });

  test('a logout everywhere ends every device, and a new login is good at once on every node', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
    await warm(tokens, phone);
    expect(await two.api.end('logoutEverywhere', phone.accessToken)).toMatchObject({
      scope: 'USER',
      tokenVersion: 2,
      endedSessions: 2,
      confirmed: true,
    });
    await expectRevoked(tokens);
    await expectRevoked(phone);
    const again = await one.api.login(email);
    expect(again.user.tokenVersion).toBe(2);
    await warm(again);
  });

  test('a logout of the others ends them and every old token, and goes on with new ones', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
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

  test('one of my sessions can be ended from another, and somebody else’s cannot be told from none', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
    const { tokens: stranger } = await newUser();
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

  test('an administrator ends all sessions of a user without having their token', async () => {
    const { tokens } = await newUser();
    await warm(tokens);
    expect(
      await two.api.end(`forceLogout(userId: "${tokens.user.id}", reason: "lost phone")`, admin.accessToken),
    ).toMatchObject({ scope: 'USER', tokenVersion: 2, endedSessions: 1, confirmed: true });
    await expectRevoked(tokens);
  });

  test('an administrator ends one session of a user', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
    await warm(tokens, phone);
    await one.api.end(`forceLogoutSession(sessionId: "${phone.session.id}")`, admin.accessToken);
    await expectRevoked(phone);
    expect((await one.api.me(tokens.accessToken)).status).toBe(200);
  });

  test('a change of the password ends the other sessions and every old token', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
    await warm(tokens, phone);
    const answer = await one.api.send(
      `mutation { changePassword(input: {currentPassword: "correct horse battery", newPassword: "staple and paper clip"}) { accessToken refreshToken } }`,
      {},
      tokens.accessToken,
    );
    await expectRevoked(tokens);
    await expectRevoked(phone);
    await warm({ ...tokens, ...one.api.expect(answer).changePassword });
    await expect(two.api.login(email)).rejects.toThrow('INVALID_CREDENTIALS');
    await two.api.login(email, 'staple and paper clip');
  });

  test('disabling a user ends their tokens and refreshes, and enabling revives nothing', async () => {
    const { email, tokens } = await newUser();
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
    await expect(two.api.login(email)).rejects.toThrow('INVALID_CREDENTIALS');

    await two.api.send(
      `mutation { enableUser(userId: "${tokens.user.id}") { disabled } }`,
      {},
      admin.accessToken,
    );
    await expectRevoked(tokens);
    expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    await warm(await one.api.login(email));
  });

  test('a change of the role ends tokens that carry the old one, and the session refreshes into the new one', async () => {
    const { tokens } = await newUser();
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

  test('a logout ends the session also when its token had been revoked and the session lived on', async () => {
    const { tokens } = await newUser();
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

  test('deleting an account ends its tokens for good, also those that were denied one by one', async () => {
    const { email, tokens } = await newUser();
    const phone = await two.api.login(email);
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
    // The email is free again, for somebody else: whose tokens are not these.
    await one.api.register(email);
    await expectRevoked(tokens);
  });

  test('logging out twice, or with a token that was revoked, is a quiet success', async () => {
    const { tokens } = await newUser();
    await one.api.end('logout', tokens.accessToken);
    expect(await two.api.end('logout', tokens.accessToken)).toMatchObject({
      endedSessions: 0,
      confirmed: true,
    });
  });

  test('everyone can be logged out at once, and refresh is refused too', async () => {
    const own = await newWorld();
    try {
      const [a, b] = await Promise.all([own.node(), own.node()]);
      const root = await a.api.login(ADMIN.email, ADMIN.password);
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
    } finally {
      await own.close();
    }
  });

  test('a revoked signing key ends what it has signed on every node, and sessions refresh into the new key', async () => {
    const own = await newWorld();
    try {
      const [a, b] = await Promise.all([own.node(), own.node()]);
      const root = await a.api.login(ADMIN.email, ADMIN.password);
      const user = await b.api.register('somebody@example.com');
      for (const { api } of [a, b]) expect((await api.me(user.accessToken)).status).toBe(200);
      const rotated = await a.api.send(
        'mutation { rotateSigningKey(revokeOld: true) { id algorithm } }',
        {},
        root.accessToken,
      );
      expect(rotated.extensions?.revocations).toMatchObject([{ scope: 'EVERYONE', confirmed: true }]);
      for (const { api } of [b, a]) expect((await api.me(user.accessToken)).reason).toBe('TOKEN_REVOKED');
      // The node that did not rotate must sign with the new key at once, not with the one that it knows.
      const refreshed = b.api.expect(await b.api.refresh(user.refreshToken)).refresh as Tokens;
      for (const { api } of [a, b]) expect((await api.me(refreshed.accessToken)).status).toBe(200);
      // A token of a revoked key is nobody's word for whose session it was, so nothing is ended, nor said to be.
      for (const { api } of [a, b]) {
        expect(await api.send('mutation { logout { confirmed } }', {}, user.accessToken)).toMatchObject({
          status: 401,
          reason: 'TOKEN_REVOKED',
        });
        expect((await api.me(refreshed.accessToken)).status).toBe(200);
      }
      for (const { url } of [a, b]) {
        await eventually(async () => {
          const response = await fetch(`${url}/.well-known/jwks.json`);
          const { keys } = (await response.json()) as { keys: { kid: string }[] };
          expect(keys.map(({ kid }) => kid)).toEqual([rotated.data.rotateSigningKey.id]);
        });
      }
    } finally {
      await own.close();
    }
  });

  test('a new key is published long before it signs, and what the old one has signed stays good', async () => {
    const own = await newWorld();
    try {
      const [a, b] = await Promise.all([own.node(), own.node()]);
      const root = await a.api.login(ADMIN.email, ADMIN.password);
      const rotate = async (more = '') =>
        a.api.expect(
          await a.api.send(`mutation { rotateSigningKey${more} { id signsFrom } }`, {}, root.accessToken),
        ).rotateSigningKey as { id: string; signsFrom: string };
      const keysOf = async (url: string) => {
        const response = await fetch(`${url}/.well-known/jwks.json`, {
          headers: { 'cache-control': 'no-cache' },
        });
        return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
      };
      const signerOf = (tokens: Tokens) => decode(tokens.accessToken, { complete: true })?.header.kid;

      const next = await rotate();
      expect(Date.parse(next.signsFrom) - Date.now()).toBeGreaterThan(10 * 60_000);
      expect(await rotate()).toEqual(next);
      for (const { url } of [b, a])
        expect((await keysOf(url)).sort()).toEqual([signerOf(root), next.id].sort());
      expect(signerOf(await b.api.login(ADMIN.email, ADMIN.password))).toBe(signerOf(root));

      // The embedded database can't be told from here that the time has come.
      if (mode !== 'the embedded mode') {
        await own.sql('update fleet set next_signs_from = now()');
        const later = await b.api.login(ADMIN.email, ADMIN.password);
        expect(signerOf(later)).toBe(next.id);
        for (const { api } of [b, a]) {
          expect((await api.me(root.accessToken)).status).toBe(200);
          expect((await api.me(later.accessToken)).status).toBe(200);
        }
      }

      // A thief of the others may have the one that is to come as well.
      const toCome = await rotate();
      const last = await rotate('(revokeOld: true)');
      expect(last.id).not.toBe(toCome.id);
      expect(Date.parse(last.signsFrom)).toBeLessThanOrEqual(Date.now());
      for (const { url } of [b, a]) expect(await keysOf(url)).toEqual([last.id]);
      expect(signerOf(await b.api.login(ADMIN.email, ADMIN.password))).toBe(last.id);
    } finally {
      await own.close();
    }
  });

  // Only the service's own revocations are told to the views, so this can be asked of Postgres alone.
  if (mode !== 'two nodes on Postgres alone') return;

  test('a user who is disabled has no good token, whatever the versions say', async () => {
    const { tokens } = await newUser();
    // As a restored backup may leave it.
    await world.sql('update users set disabled_at = now() where id = $1', [tokens.user.id]);
    await expectRevoked(tokens);
    await expectRevoked(tokens);
  });
});
