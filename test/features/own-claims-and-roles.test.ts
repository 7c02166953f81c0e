import { decode } from 'jsonwebtoken';
import type { AccessTokenClaims } from '../../src/core/claims';
import type { TokenHolder } from '../../src/core/ports/own-claims';
import { PASSWORD, type Tokens } from '../support/api';
import { ask, guardMaker, ISSUER, trusting, untilGuardIsCurrent } from '../support/guards';
import { holdMails, linkMaker, MAILING, waitingMails } from '../support/links';
import { shared, sharedWorld } from '../support/shared';

const SECRET = 'introspection of the tests: 4kT9wQz2';

const world = sharedWorld();
const byDefault = ({ user }: TokenHolder): unknown => ({ tenant: user.email.split('@')[1] });
let claims = byDefault;
afterEach(() => (claims = byDefault));
const node = shared(async () => {
  await holdMails(world);
  const env = { ...MAILING, ISSUER, INTROSPECTION_SECRET: SECRET, ROLES: 'EDITOR' };
  return world.node(env, undefined, { claims: (holder) => claims(holder) as object, hookTimeout: 500 });
});
const newGuard = guardMaker(() => trusting(node));

const claimsOf = ({ accessToken }: Tokens) => decode(accessToken) as AccessTokenClaims;
const bytes = (length: number) => ({ text: 'x'.repeat(length - '{"text":""}'.length) });

test('every way to a token puts the claims of the application under one name', async () => {
  const first = await node.api.register('ann@acme.example');
  const admin = await node.api.loginAsAdmin();
  const invited = 'invitee@acme.example';
  await node.api.mutate(`inviteUser(email: "${invited}") { id }`, admin.accessToken);
  const mail = (await waitingMails(world)).find(({ recipient }) => recipient === invited)!;
  const link = (await linkMaker(world)).of(mail);
  const accept = `acceptInvitation(input: { token: "${link}", password: "${PASSWORD}" })`;
  const change = `changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "${PASSWORD} 2" })`;
  const all = '{ accessToken refreshToken }';

  const others = (await node.api.mutate(`logoutOthers ${all}`, first.accessToken)) as Tokens;
  const refreshed = await node.api.refreshed(others);
  const changed = (await node.api.mutate(`${change} ${all}`, refreshed.accessToken)) as Tokens;
  const login = await node.api.login('ann@acme.example', `${PASSWORD} 2`);
  const accepted = (await node.api.mutate(`${accept} ${all}`)) as Tokens;
  for (const tokens of [first, others, refreshed, changed, login, accepted]) {
    const { iss, sub, role, claims: own, ...rest } = claimsOf(tokens);
    expect(own).toEqual({ tenant: 'acme.example' });
    expect({ iss, role, sub: sub.length }).toEqual({ iss: ISSUER, role: 'USER', sub: 36 });
    expect(rest).not.toHaveProperty('tenant');
  }
});

test('the claims of the application change no other claim, whatever their names', async () => {
  claims = () => ({ sub: 'someone', role: 'ADMIN', exp: 1, iss: 'evil', tokenVersion: 9, __proto__: null });
  const tokens = await node.api.newUser();
  expect(claimsOf(tokens)).toMatchObject({ sub: tokens.user.id, role: 'USER', iss: ISSUER, tokenVersion: 1 });
  expect(claimsOf(tokens).claims).toMatchObject({ sub: 'someone', role: 'ADMIN' });
  const answer = await node.api.send(
    '{ users(first: 1) { pageInfo { hasNextPage } } }',
    {},
    tokens.accessToken,
  );
  expect(answer.code).toBe('FORBIDDEN');
});

test('the callback gets the user without the password, and the session, and can change neither', async () => {
  let given: TokenHolder | undefined;
  claims = (holder) => {
    given = structuredClone(holder);
    Object.assign(holder.user, { id: 'other', role: 'ADMIN', tokenVersion: 7 });
    Object.assign(holder.session, { id: 'other' });
    holder.session.expiresAt.setFullYear(2999);
    return {};
  };
  const { user, session, ...tokens } = await node.api.newUser();
  expect(given).toMatchObject({ user: { id: user.id, role: 'USER' }, session: { id: session.id } });
  expect(Object.keys(given?.user ?? {})).not.toContain('passwordHash');
  const token = decode(tokens.accessToken) as AccessTokenClaims;
  expect(token).toMatchObject({ sub: user.id, sid: session.id, role: 'USER', tokenVersion: 1, claims: {} });
  expect(token.exp - token.iat).toBe(900);
});

test.each<[string, () => unknown, string]>([
  [
    'throws',
    () => {
      throw new Error('db of tenants: secret-detail');
    },
    'secret-detail',
  ],
  ['rejects', () => Promise.reject(new Error('secret-detail')), 'secret-detail'],
  ['hangs', () => new Promise(() => undefined), 'longer than 500 ms'],
  ['returns too much', () => bytes(2049), 'more than 2048 bytes'],
  ['returns a date', () => ({ at: [new Date()] }), 'claims.at[0] is a Date'],
  ['returns a function', () => ({ f: () => 1 }), 'claims.f is of type function'],
  ['returns no number', () => ({ n: NaN }), 'claims.n is NaN'],
  ['returns no object', () => 'tenant', 'not an object'],
  ['returns nothing', () => undefined, 'not an object'],
  ['returns a list', () => ['tenant'], 'not an object'],
  [
    'returns a circle',
    () => {
      const circle = {};
      return Object.assign(circle, { circle });
    },
    'too deeply',
  ],
])(
  'a callback that %s fails the request, is logged, and costs nobody the session',
  async (_what, bad, logged) => {
    const tokens = await node.api.newUser();
    const before = node.log.length;
    claims = bad;
    const answer = await node.api.refresh(tokens.refreshToken);
    expect({ code: answer.code, status: answer.status }).toEqual({
      code: 'SERVICE_UNAVAILABLE',
      status: 503,
    });
    expect(JSON.stringify(answer)).not.toContain('secret-detail');
    const errors = node.log
      .slice(before)
      .filter((line) => (JSON.parse(line) as { level: number }).level >= 50);
    expect(errors).toEqual([expect.stringContaining(logged)]);
    expect(errors[0]).toContain(tokens.user.id);
    claims = byDefault;
    // However long it has failed: nobody is taken for a thief.
    const later = "update sessions set rotated_at = rotated_at - interval '1 hour' where id = $1";
    await world.sql(later, [tokens.session.id]);
    const again = await node.api.refreshed(tokens);
    expect(again.session.id).toBe(tokens.session.id);
    expect(claimsOf(again).claims).toEqual({ tenant: 'example.com' });
  },
);

test('claims of the largest size reach every kind of guard, and introspection', async () => {
  claims = () => bytes(2048);
  const tokens = await node.api.newUser();
  const introspection = { url: `${node.url}/oauth/introspect`, secret: SECRET };
  const kinds = [
    await newGuard({ redis: world.redisUrl }),
    await newGuard({ redis: world.redisUrl, view: false, introspection }),
    await newGuard({ introspection }),
  ];
  await untilGuardIsCurrent(kinds[0]!);
  for (const guard of kinds) {
    const auth = await ask(guard, tokens);
    expect(auth).toMatchObject({ ok: true, principal: { role: 'USER', claims: bytes(2048) } });
    expect(auth.ok && Object.isFrozen(auth.principal.claims)).toBe(true);
  }
  const response = await fetch(introspection.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}` },
    body: new URLSearchParams({ token: tokens.accessToken }),
  });
  expect(await response.json()).toMatchObject({ active: true, claims: bytes(2048) });
});

const setRole = ({ user }: Tokens, role: string) =>
  `mutation { setRole(userId: "${user.id}", role: ${role}) { role tokenVersion } }`;

test('a role of the application is set, invited with, shown and signed, and administers nothing', async () => {
  const { accessToken: admin } = await node.api.loginAsAdmin();
  const tokens = await node.api.newUser();
  const answer = await node.api.send(setRole(tokens, 'EDITOR'), {}, admin);
  expect(answer.data).toEqual({ setRole: { role: 'EDITOR', tokenVersion: 2 } });
  const editor = await node.api.refreshed(tokens);
  expect(editor.user).toMatchObject({ role: 'EDITOR' });
  expect(claimsOf(editor).role).toBe('EDITOR');
  expect(await node.api.me(editor.accessToken)).toMatchObject({ data: { me: { role: 'EDITOR' } } });
  expect((await node.api.send(setRole(tokens, 'ADMIN'), {}, editor.accessToken)).code).toBe('FORBIDDEN');
  const invite = 'inviteUser(email: "editor@acme.example", role: EDITOR) { role }';
  expect(await node.api.mutate(invite, admin)).toEqual({ role: 'EDITOR' });
  const guard = await newGuard({ redis: world.redisUrl });
  expect(await ask(guard, editor)).toMatchObject({ ok: true, principal: { role: 'EDITOR' } });

  const unknown = await node.api.send(setRole(tokens, 'REVIEWER'), {}, admin);
  expect({ status: unknown.status, code: unknown.code }).toEqual({
    status: 400,
    code: 'GRAPHQL_VALIDATION_FAILED',
  });
});

test('a role that is no longer configured counts as USER, is told of at the start, and comes back', async () => {
  const tokens = await node.api.newUser();
  await world.sql("update users set role = 'EDITOR' where id = $1", [tokens.user.id]);
  const bare = await world.node({ ISSUER });
  expect(bare.log.join('\n')).toMatch(/"role":"EDITOR","count":\d+.*ROLES does not name/);
  const refreshed = await bare.api.refreshed(tokens);
  expect(refreshed.user).toMatchObject({ role: 'USER' });
  expect(claimsOf(refreshed).role).toBe('USER');
  expect((await bare.api.me(refreshed.accessToken)).data.me.role).toBe('USER');
  const admin = await bare.api.loginAsAdmin();
  const answer = await bare.api.send(setRole(tokens, 'EDITOR'), {}, admin.accessToken);
  expect(answer.code).toBe('GRAPHQL_VALIDATION_FAILED');
  expect(claimsOf(await node.api.refreshed(refreshed)).role).toBe('EDITOR');
});
