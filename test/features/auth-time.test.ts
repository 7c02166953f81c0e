import { decode } from 'jsonwebtoken';
import { endTokens } from '../../src/actions/end-tokens';
import type { AccessTokenClaims } from '../../src/core/claims';
import { createTruth } from '../../src/postgres/truth';
import { createRevoker } from '../../src/revocation/revoke';
import { PASSWORD, type Tokens } from '../support/api';
import { sharedDataSource } from '../support/data-source';
import { eventually } from '../support/eventually';
import { sharedNodes, sharedWorld } from '../support/shared';
import { createWorld } from '../support/world';

const world = sharedWorld(() => createWorld({ redis: null }));
const [node] = sharedNodes(world, {});
const dataSource = sharedDataSource(world, 2);

const HOUR = 3600;

const authTimeOf = ({ accessToken }: Pick<Tokens, 'accessToken'>) =>
  (decode(accessToken) as AccessTokenClaims).auth_time;

/** Dates the sign-in of a session back by an hour. */
const anHourAgo = ({ session }: Pick<Tokens, 'session'>) =>
  world.sql(`update sessions set authenticated_at = authenticated_at - interval '1 hour' where id = $1`, [
    session.id,
  ]);

const reissue = async (mutation: string, { accessToken }: Tokens) =>
  (await node.api.mutate(
    `${mutation} { accessToken refreshToken session { id } user { id } }`,
    accessToken,
  )) as Tokens;

const confirm = (tokens: Tokens, password = PASSWORD) =>
  node.api.send(
    'mutation($p: String!) { confirmPassword(password: $p) { accessToken refreshToken } }',
    { p: password },
    tokens.accessToken,
  );

const eventsOf = ({ user }: Pick<Tokens, 'user'>) =>
  world.sql<{ type: string; session_id: string | null; reason: string | null }>(
    'select type, session_id, reason from audit_events where user_id = $1 order by created_at',
    [user.id],
  );

test('auth_time is the time of the sign-in, and a refresh, a change of role and the end of other sessions keep it', async () => {
  const registered = await node.api.newUser();
  const { iat } = decode(registered.accessToken) as AccessTokenClaims;
  expect(authTimeOf(registered)).toBe(iat);
  await anHourAgo(registered);
  const login = await node.api.login(registered.user.email);
  expect(authTimeOf(login)).toBeGreaterThanOrEqual(iat);

  let tokens = await node.api.refreshed(registered);
  const before = authTimeOf(tokens);
  expect(iat - before).toBeGreaterThan(HOUR - 60);
  tokens = await reissue('logoutOthers', tokens);
  expect(authTimeOf(tokens)).toBe(before);
  const admin = await node.api.loginAsAdmin();
  await node.api.mutate(`setRole(userId: "${registered.user.id}", role: ADMIN) { id }`, admin.accessToken);
  tokens = await node.api.refreshed(tokens);
  expect(authTimeOf(tokens)).toBe(before);
  const change = `changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "${PASSWORD} 2" })`;
  expect(authTimeOf(await reissue(change, tokens))).toBeGreaterThanOrEqual(iat);
});

test('confirmPassword renews auth_time in the session, ends nothing, and makes copies of the refresh token useless', async () => {
  const tokens = await node.api.newUser();
  const other = await node.api.login(tokens.user.email);
  await anHourAgo(tokens);
  const old = await node.api.refreshed(tokens);

  const answer = await confirm(old);
  const renewed = node.api.expect(answer).confirmPassword as Tokens;
  expect(authTimeOf(renewed) - authTimeOf(old)).toBeGreaterThan(HOUR - 60);
  expect(decode(renewed.accessToken)).toMatchObject({ sid: tokens.session.id, tokenVersion: 1 });
  for (const { accessToken } of [old, other, renewed])
    expect((await node.api.me(accessToken)).data.me.id).toBe(tokens.user.id);
  expect((await node.api.refresh(old.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  expect(authTimeOf(await node.api.refreshed(renewed))).toBe(authTimeOf(renewed));
  await node.api.refreshed(other);
  expect(await eventsOf(tokens)).toContainEqual(
    expect.objectContaining({ type: 'PASSWORD_CONFIRMED', session_id: tokens.session.id }),
  );
});

test('a wrong password, and a session that has ended, confirm nothing', async () => {
  const tokens = await node.api.newUser();
  await anHourAgo(tokens);
  const old = await node.api.refreshed(tokens);
  expect(await confirm(old, 'a wrong password')).toMatchObject({ status: 401, code: 'INVALID_CREDENTIALS' });
  expect(authTimeOf(await node.api.refreshed(old))).toBe(authTimeOf(old));
  await eventually(async () =>
    expect(await eventsOf(tokens)).toContainEqual(
      expect.objectContaining({ type: 'PASSWORD_CONFIRMATION_FAILED' }),
    ),
  );
  await world.sql('update sessions set ended_at = now() where id = $1', [tokens.session.id]);
  expect(await confirm(old)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', reason: 'TOKEN_REVOKED' });
});

test('a confirmation that waits for a change of role succeeds with the new one', async () => {
  const tokens = await node.api.newUser();
  const release =
    await world.hold(`update users set role = 'ADMIN', token_version = token_version + 1 where id = '${tokens.user.id}';
    update sessions set token_version = token_version + 1 where id = '${tokens.session.id}'`);
  const confirming = confirm(tokens);
  await eventually(async () => {
    const waiting = await world.sql(
      `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    expect(waiting).toHaveLength(1);
  });
  await release('commit');
  const renewed = node.api.expect(await confirming).confirmPassword as Tokens;
  expect(decode(renewed.accessToken)).toMatchObject({ role: 'ADMIN', tokenVersion: 2 });
});

test('endTokens ends every access token of a user, and keeps every session', async () => {
  const truth = createTruth(dataSource(), { hasCopies: false, clockSkew: 0 });
  const revoker = createRevoker(truth, () => Promise.resolve({ confirmed: true }));
  const first = await node.api.newUser();
  const second = await node.api.login(first.user.email);
  const receipt = await endTokens({ revoker })({}, first.user.id, 'moved to another tenant', {});
  expect(receipt).toMatchObject({
    scope: 'USER',
    tokenVersion: 2,
    endedSessions: 0,
    confirmation: { confirmed: true },
  });
  for (const tokens of [first, second]) {
    const refused = await node.api.send('mutation { requestEmailVerification }', {}, tokens.accessToken);
    expect(refused).toMatchObject({ status: 401, reason: 'TOKEN_REVOKED' });
    const refreshed = await node.api.refreshed(tokens);
    expect(refreshed.session.id).toBe(tokens.session.id);
    expect((await node.api.me(refreshed.accessToken)).data.me.tokenVersion).toBe(2);
  }
  expect(await eventsOf(first)).toContainEqual(
    expect.objectContaining({ type: 'TOKENS_ENDED', reason: 'moved to another tenant' }),
  );
  const nobody = '00000000-0000-4000-8000-000000000000';
  await expect(endTokens({ revoker })({}, nobody, undefined, {})).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});
