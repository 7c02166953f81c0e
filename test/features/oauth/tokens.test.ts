import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decode } from 'jsonwebtoken';
import { PASSWORD, type Tokens } from '../../support/api';
import { sharedNodes, sharedWorld } from '../../support/shared';
import { createWorld } from '../../support/world';
import { worldMaker } from '../../support/world-maker';
import { EMPTY, ENV, introspect, isActive, revoke } from './client';

const newWorld = worldMaker(createWorld);
const DELETE_ACCOUNT = `deleteAccount(password: "${PASSWORD}")`;

describe.each([
  ['with Postgres and Redis', undefined],
  ['with Postgres only', null],
])('%s', (_stores, redis) => {
  const world = sharedWorld(() => createWorld({ redis }));
  const [one, two] = sharedNodes(world, ENV, ENV);

  const expectBoth = async ({ accessToken, refreshToken }: Tokens, active: boolean) => {
    for (const node of [two, one])
      for (const token of [accessToken, refreshToken]) expect(await isActive(node, token)).toBe(active);
  };
  const expectActive = (tokens: Tokens) => expectBoth(tokens, true);
  const expectInactive = (tokens: Tokens) => expectBoth(tokens, false);
  const asAdmin = async (mutation: string) =>
    one.api.mutate(mutation, (await one.api.loginAsAdmin()).accessToken);

  test('a good access token is answered with its claims, and the answer may not be cached', async () => {
    const { accessToken } = await one.api.newUser();
    const { status, headers, body } = await introspect(two, accessToken);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toContain('application/json');
    const claims = decode(accessToken) as object;
    expect(body).toEqual({ active: true, token_use: 'access_token', token_type: 'Bearer', ...claims });
    expect(Object.keys(body)).toEqual(
      expect.arrayContaining(['iss', 'sub', 'aud', 'client_id', 'exp', 'iat', 'jti', 'sid', 'role']),
    );
  });

  test('a good refresh token is answered with its user, and cannot pass for an access token', async () => {
    const { refreshToken, session, user } = await one.api.newUser();
    const { body } = await introspect(two, refreshToken);
    expect(body).toEqual({
      active: true,
      token_use: 'refresh_token',
      iss: 'http://localhost:4000',
      client_id: 'tokenfence',
      sub: user.id,
      sid: session.id,
      exp: expect.any(Number),
    });
    expect(body.exp).toBeGreaterThan(Date.now() / 1000 + 13 * 24 * 3600);
  });

  test.each(['access_token', 'refresh_token', 'something else', ''])(
    'a wrong token_type_hint does no harm: %p',
    async (token_type_hint) => {
      const tokens = await one.api.newUser();
      for (const token of [tokens.accessToken, tokens.refreshToken])
        expect((await introspect(one, token, { token_type_hint })).body.active).toBe(true);
      await revoke(one, tokens.accessToken, { token_type_hint });
      await expectInactive(tokens);
    },
  );

  test.each([
    ['no token at all', 'x'],
    ['a refresh token that never was', randomBytes(32).toString('base64url')],
    ['a broken JWT', 'a.b.c'],
    ['a text with control characters', '\u0000\ufffd'],
    ['a very long one', 'x'.repeat(10_000)],
  ])('%s is not active, and revoking it succeeds with an empty answer', async (_what, token) => {
    expect((await introspect(one, token)).body).toEqual({ active: false });
    expect(await revoke(one, token)).toMatchObject(EMPTY);
  });

  test('an access token with any changed part is not active', async () => {
    const { accessToken } = await one.api.newUser();
    const [header, payload, signature] = accessToken.split('.') as [string, string, string];
    const claims = { ...(decode(accessToken) as object), role: 'ADMIN' };
    for (const forged of [
      `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`,
      `${header}.${payload}.`,
      `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${payload}.`,
      ` ${accessToken}`,
      `${accessToken} `,
    ])
      expect(await isActive(one, forged)).toBe(false);
  });

  test.each<[string, (tokens: Tokens) => Promise<unknown>]>([
    ['a logout on another node', ({ accessToken }) => one.api.end('logout', accessToken)],
    ['a logout everywhere', ({ accessToken }) => one.api.end('logoutEverywhere', accessToken)],
    ['a forced logout', ({ session }) => asAdmin(`forceLogoutSession(sessionId: "${session.id}") { scope }`)],
    ['disabling the user', ({ user }) => asAdmin(`disableUser(userId: "${user.id}") { disabled }`)],
    [
      'disabling and enabling the user',
      async ({ user }) => {
        await asAdmin(`disableUser(userId: "${user.id}") { disabled }`);
        await asAdmin(`enableUser(userId: "${user.id}") { disabled }`);
      },
    ],
    ['deleting the account', ({ accessToken }) => one.api.end(DELETE_ACCOUNT, accessToken)],
    ['ending everyone', () => asAdmin('forceLogoutAll(reason: "a test") { confirmed }')],
    ['revoking the access token', ({ accessToken }) => revoke(one, accessToken)],
    ['revoking the refresh token', ({ refreshToken }) => revoke(one, refreshToken)],
  ])('after %s neither token is active', async (_what, end) => {
    const tokens = await one.api.newUser();
    await expectActive(tokens);
    await end(tokens);
    await expectInactive(tokens);
  });

  test('after a password change only the new tokens of the kept session are active', async () => {
    const here = await one.api.newUser();
    const elsewhere = await two.api.login(here.user.email);
    const next = await one.api.mutate(
      `changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "staple ${PASSWORD}" }) {
        accessToken refreshToken }`,
      here.accessToken,
    );
    await expectInactive(elsewhere);
    expect(await isActive(two, here.accessToken)).toBe(false);
    await expectActive(next);
  });

  test('after a role change the refresh token is active, the access token is not', async () => {
    const { accessToken, refreshToken, user } = await one.api.newUser();
    await asAdmin(`setRole(userId: "${user.id}", role: ADMIN) { role }`);
    expect(await isActive(two, accessToken)).toBe(false);
    expect(await isActive(two, refreshToken)).toBe(true);
  });

  test('a used refresh token is not active, and its successor is', async () => {
    const first = await one.api.newUser();
    const second = await one.api.refreshed(first);
    expect(await isActive(two, first.refreshToken)).toBe(false);
    await expectActive(second);
    expect(await isActive(two, first.accessToken)).toBe(true);
  });

  // Changes without a publication, which no view and no record can know.
  test.each<[string, string]>([
    ['users', 'update users set disabled_at = now() where id = $1'],
    ['sessions', 'update sessions set ended_at = now() where user_id = $1'],
    ['idle sessions', `update sessions set idle_expires_at = now() - interval '1 s' where user_id = $1`],
    ['sessions that are gone', 'delete from sessions where user_id = $1'],
    ['users who are gone', 'delete from users where id = $1'],
  ])('introspection reads Postgres, not a copy: %s', async (_what, statement) => {
    const tokens = await one.api.newUser();
    await expectActive(tokens);
    await world.sql(statement, [tokens.user.id]);
    await expectInactive(tokens);
  });

  test('a raised version counts before it is published', async () => {
    const { accessToken, user } = await one.api.newUser();
    expect(await isActive(one, accessToken)).toBe(true);
    await world.sql('update users set token_version = token_version + 1 where id = $1', [user.id]);
    expect(await isActive(one, accessToken)).toBe(false);
  });

  test('an expired access token is not active, and still revokes its session', async () => {
    const quick = await world.node({ ...ENV, ACCESS_TOKEN_TTL: '1s', CLOCK_SKEW: '0s' });
    const tokens = await quick.api.newUser();
    await sleep(1100);
    expect(await isActive(quick, tokens.accessToken)).toBe(false);
    expect(await isActive(quick, tokens.refreshToken)).toBe(true);
    expect((await revoke(quick, tokens.accessToken)).body).toEqual({ confirmed: true });
    await expectInactive(tokens);
  });

  test('a token of another issuer or audience is not active', async () => {
    for (const env of [{ ISSUER: 'https://other.example.com' }, { AUDIENCE: 'other' }]) {
      const other = await world.node({ ...ENV, ...env });
      const tokens = await other.api.newUser();
      expect(await isActive(other, tokens.accessToken)).toBe(true);
      expect(await isActive(one, tokens.accessToken)).toBe(false);
      expect(await revoke(one, tokens.accessToken)).toMatchObject(EMPTY);
      expect(await isActive(other, tokens.accessToken)).toBe(true);
    }
  });

  test('a token of a revoked key is not active, and ends no session', async () => {
    const { accessToken, refreshToken } = await one.api.newUser();
    await asAdmin('rotateSigningKey(revokeOld: true) { id }');
    for (const node of [one, two]) {
      expect(await isActive(node, accessToken)).toBe(false);
      expect(await revoke(node, accessToken)).toMatchObject(EMPTY);
      expect(await isActive(node, refreshToken)).toBe(true);
    }
  });

  test('a token of a revoked key that the node still trusts ends no session', async () => {
    const own = await newWorld({ redis });
    const node = await own.node(ENV);
    const { accessToken, refreshToken } = await node.api.newUser();
    // Only in the log: the node has already read its keys.
    await own.sql(
      `insert into revocations (kind, key_id, revoked_at, expires_at, confirmed_at)
       select 'KEY', database_id || '.' || k.id, now(), now() + interval '1 h', now() from signing_keys k, fleet`,
    );
    expect(await isActive(node, accessToken)).toBe(false);
    expect(await revoke(node, accessToken)).toMatchObject(EMPTY);
    expect(await isActive(node, refreshToken)).toBe(true);
  });

  test('revoking ends the session on every node and is confirmed, also when repeated', async () => {
    const tokens = await one.api.newUser();
    const stays = await two.api.login(tokens.user.email);
    const first = await revoke(one, tokens.accessToken);
    expect(first).toMatchObject({ status: 200, body: { confirmed: true } });
    expect(first.headers.get('cache-control')).toBe('no-store');
    expect((await two.api.me(tokens.accessToken)).reason).toBe('TOKEN_REVOKED');
    expect((await two.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    for (const token of [tokens.accessToken, tokens.refreshToken])
      expect((await revoke(two, token)).body).toEqual({ confirmed: true });
    await expectActive(stays);
    const denied = await world.sql(
      'select kind from revocations where session_id = $1 or token_id = $2 order by kind',
      [tokens.session.id, (decode(tokens.accessToken) as { jti: string }).jti],
    );
    expect(denied).toEqual([{ kind: 'SESSION' }, { kind: 'TOKEN' }]);
  });

  test('revoking a used refresh token ends its session without a theft alarm', async () => {
    const first = await one.api.newUser();
    const second = await one.api.refreshed(first);
    const ofSession = [first.session.id];
    await world.sql(`update sessions set rotated_at = rotated_at - interval '1 h' where id = $1`, ofSession);
    expect((await revoke(two, first.refreshToken)).body).toEqual({ confirmed: true });
    await expectInactive(second);
    const events = await world.sql('select type from audit_events where session_id = $1', ofSession);
    expect(events).toContainEqual({ type: 'LOGOUT' });
    expect(events).not.toContainEqual({ type: 'REFRESH_TOKEN_REUSED' });
  });

  test('the tokens of a deleted account are already revoked', async () => {
    const { accessToken, refreshToken } = await one.api.newUser();
    await one.api.end(DELETE_ACCOUNT, accessToken);
    expect((await revoke(two, accessToken)).body).toEqual({ confirmed: true });
    expect(await revoke(two, refreshToken)).toMatchObject(EMPTY);
  });
});
