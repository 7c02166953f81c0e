import type * as NodeCrypto from 'node:crypto';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decode } from 'jsonwebtoken';
import { PASSWORD, type Tokens } from '../support/api';
import { eventually } from '../support/eventually';
import { startProxy } from '../support/proxy';
import { withRedis } from '../support/redis';
import { createWorld, type TestNode, type World } from '../support/world';
import { worldMaker } from '../support/world-maker';

const newWorld = worldMaker(createWorld);
const SECRET = 'only for tests: k3Vw8sRz1nQy6uXc0dMf';
const ENV = { INTROSPECTION_SECRET: SECRET };
const FORM = 'application/x-www-form-urlencoded';

interface OAuthAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

async function post(
  { url }: TestNode,
  path: string,
  body: URLSearchParams | string | undefined,
  headers: Record<string, string> = {},
): Promise<OAuthAnswer> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    body,
    headers: { ...(typeof body === 'string' && { 'content-type': FORM }), ...headers },
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

const AUTHORIZED = { authorization: `Bearer ${SECRET}` };
const ask = (node: TestNode, token: string, more: Record<string, string> = {}) =>
  post(node, '/oauth/introspect', new URLSearchParams({ token, ...more }), AUTHORIZED);
const revoke = (node: TestNode, token: string, more: Record<string, string> = {}) =>
  post(node, '/oauth/revoke', new URLSearchParams({ token, ...more }));

const isActive = async (node: TestNode, token: string) => {
  const { status, body } = await ask(node, token);
  expect(status).toBe(200);
  if (!body.active) expect(body).toEqual({ active: false });
  return body.active as boolean;
};

const asAdmin = async (node: TestNode, mutation: string) => {
  const { accessToken } = await node.api.loginAsAdmin();
  node.api.expect(await node.api.send(`mutation { ${mutation} }`, {}, accessToken));
};

describe.each([
  ['with Postgres and Redis', undefined],
  ['with Postgres only', null],
])('%s', (_stores, redis) => {
  let world: World;
  let one: TestNode;
  let two: TestNode;

  beforeAll(async () => {
    world = await createWorld({ redis });
    [one, two] = await Promise.all([world.node(ENV), world.node(ENV)]);
  });
  afterAll(() => world.close());

  const expectActive = async ({ accessToken, refreshToken }: Tokens) => {
    for (const node of [one, two]) {
      expect(await isActive(node, accessToken)).toBe(true);
      expect(await isActive(node, refreshToken)).toBe(true);
    }
  };
  const expectInactive = async ({ accessToken, refreshToken }: Tokens) => {
    for (const node of [two, one]) {
      expect(await isActive(node, accessToken)).toBe(false);
      expect(await isActive(node, refreshToken)).toBe(false);
    }
  };

  test('a good access token is answered with its claims, and the answer may not be cached', async () => {
    const { accessToken } = await one.api.newUser();
    const { status, headers, body } = await ask(two, accessToken);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toContain('application/json');
    expect(body).toEqual({
      active: true,
      token_use: 'access_token',
      token_type: 'Bearer',
      ...(decode(accessToken) as object),
    });
    expect(Object.keys(body)).toEqual(
      expect.arrayContaining(['iss', 'sub', 'aud', 'client_id', 'exp', 'iat', 'jti', 'sid', 'role']),
    );
  });

  test('a good refresh token is answered with its user, and cannot pass for an access token', async () => {
    const { refreshToken, session, user } = await one.api.newUser();
    const { body } = await ask(two, refreshToken);
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
        expect((await ask(one, token, { token_type_hint })).body.active).toBe(true);
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
    expect((await ask(one, token)).body).toEqual({ active: false });
    expect(await revoke(one, token)).toMatchObject({ status: 200, text: '' });
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
    [
      'an administrator who ends the session',
      ({ session }) => asAdmin(one, `forceLogoutSession(sessionId: "${session.id}") { confirmed }`),
    ],
    ['disabling the user', ({ user }) => asAdmin(one, `disableUser(userId: "${user.id}") { disabled }`)],
    [
      'disabling and enabling the user',
      async ({ user }) => {
        await asAdmin(one, `disableUser(userId: "${user.id}") { disabled }`);
        await asAdmin(one, `enableUser(userId: "${user.id}") { disabled }`);
      },
    ],
    [
      'deleting the account',
      ({ accessToken }) => one.api.end(`deleteAccount(password: "${PASSWORD}")`, accessToken),
    ],
    ['ending everyone', () => asAdmin(one, 'forceLogoutAll(reason: "a test") { confirmed }')],
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
    const answer = await one.api.send(
      `mutation { changePassword(input: { currentPassword: "${PASSWORD}", newPassword: "staple ${PASSWORD}" }) {
        accessToken refreshToken } }`,
      {},
      here.accessToken,
    );
    const next = one.api.expect(answer).changePassword as Tokens;
    await expectInactive(elsewhere);
    expect(await isActive(two, here.accessToken)).toBe(false);
    await expectActive(next);
  });

  test('after a role change the refresh token is active, the access token is not', async () => {
    const { accessToken, refreshToken, user } = await one.api.newUser();
    await asAdmin(one, `setRole(userId: "${user.id}", role: ADMIN) { role }`);
    expect(await isActive(two, accessToken)).toBe(false);
    expect(await isActive(two, refreshToken)).toBe(true);
  });

  test('a used refresh token is not active, and its successor is', async () => {
    const first = await one.api.newUser();
    const second = one.api.expect(await one.api.refresh(first.refreshToken)).refresh as Tokens;
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
      expect(await revoke(one, tokens.accessToken)).toMatchObject({ status: 200, text: '' });
      expect(await isActive(other, tokens.accessToken)).toBe(true);
    }
  });

  test('a token of a revoked key is not active, and ends no session', async () => {
    const { accessToken, refreshToken } = await one.api.newUser();
    await asAdmin(one, 'rotateSigningKey(revokeOld: true) { id }');
    for (const node of [one, two]) {
      expect(await isActive(node, accessToken)).toBe(false);
      expect(await revoke(node, accessToken)).toMatchObject({ status: 200, text: '' });
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
    expect(await revoke(node, accessToken)).toMatchObject({ status: 200, text: '' });
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
    const denied = await world.sql<{ kind: string }>(
      'select kind from revocations where session_id = $1 or token_id = $2 order by kind',
      [tokens.session.id, (decode(tokens.accessToken) as { jti: string }).jti],
    );
    expect(denied.map(({ kind }) => kind)).toEqual(['SESSION', 'TOKEN']);
  });

  test('revoking a used refresh token ends its session without a theft alarm', async () => {
    const first = await one.api.newUser();
    const second = one.api.expect(await one.api.refresh(first.refreshToken)).refresh as Tokens;
    await world.sql(`update refresh_tokens set used_at = used_at - interval '1 h' where session_id = $1`, [
      first.session.id,
    ]);
    expect((await revoke(two, first.refreshToken)).body).toEqual({ confirmed: true });
    await expectInactive(second);
    const events = await world.sql<{ type: string }>('select type from audit_events where session_id = $1', [
      first.session.id,
    ]);
    expect(events.map(({ type }) => type)).toContain('LOGOUT');
    expect(events.map(({ type }) => type)).not.toContain('REFRESH_TOKEN_REUSED');
  });

  test('the tokens of a deleted account are already revoked', async () => {
    const { accessToken, refreshToken } = await one.api.newUser();
    await one.api.end(`deleteAccount(password: "${PASSWORD}")`, accessToken);
    expect((await revoke(two, accessToken)).body).toEqual({ confirmed: true });
    expect(await revoke(two, refreshToken)).toMatchObject({ status: 200, text: '' });
  });
});

describe('the OAuth endpoints', () => {
  let world: World;
  let node: TestNode;
  let token: string;

  beforeAll(async () => {
    world = await createWorld({ redis: null });
    node = await world.node({ ...ENV, CORS_ORIGINS: 'https://app.example.com' });
    token = (await node.api.newUser()).accessToken;
  });
  afterAll(() => world.close());

  test.each<[string, Record<string, string>]>([
    ['no secret', {}],
    ['an empty one', { authorization: 'Bearer ' }],
    ['a wrong one', { authorization: `Bearer ${SECRET}x` }],
    ['one in other letters', { authorization: `Bearer ${SECRET.toLowerCase()}` }],
    ['the beginning of it', { authorization: `Bearer ${SECRET.slice(0, -1)}` }],
    ['another scheme', { authorization: `Basic ${Buffer.from(`:${SECRET}`).toString('base64')}` }],
  ])('introspection with %s is refused', async (_what, headers) => {
    const answer = await post(node, '/oauth/introspect', new URLSearchParams({ token }), headers);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({ error: 'invalid_client', error_description: expect.any(String) });
  });

  test('an access token does not work as the secret, not even an administrator’s', async () => {
    const { accessToken } = await node.api.loginAsAdmin();
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await post(node, '/oauth/introspect', new URLSearchParams({ token }), headers)).status).toBe(401);
  });

  test('the secret is compared in constant time, for any length', async () => {
    const crypto = jest.requireActual<typeof NodeCrypto>('node:crypto');
    const compare = jest.spyOn(crypto, 'timingSafeEqual');
    try {
      for (const secret of ['x', `${SECRET}${'x'.repeat(500)}`])
        await post(node, '/oauth/introspect', '', { authorization: `Bearer ${secret}` });
      expect(compare).toHaveBeenCalledTimes(2);
      for (const args of compare.mock.calls)
        expect(args.map(({ byteLength }) => byteLength)).toEqual([32, 32]);
    } finally {
      compare.mockRestore();
    }
  });

  test('without a configured secret introspection is off and revoking works', async () => {
    const bare = await world.node({ INTROSPECTION_SECRET: '' });
    const tokens = await bare.api.newUser();
    for (const headers of [
      {},
      AUTHORIZED,
      { authorization: 'Bearer undefined' },
      { authorization: 'Bearer ' },
    ]) {
      const form = new URLSearchParams({ token: tokens.accessToken });
      expect((await post(bare, '/oauth/introspect', form, headers)).status).toBe(404);
    }
    expect((await revoke(bare, tokens.accessToken)).body).toEqual({ confirmed: true });
  });

  describe.each(['/oauth/introspect', '/oauth/revoke'])('to %s', (path) => {
    test.each<[string, number, string | undefined, string | undefined]>([
      ['with no body', 400, undefined, undefined],
      ['with an empty form', 400, '', FORM],
      ['without a token', 400, 'token_type_hint=access_token', FORM],
      ['with an empty token', 400, 'token=', FORM],
      ['with two tokens', 400, 'token=a&token=b', FORM],
      ['with one token and an empty one', 400, 'token=a&token=', FORM],
      ['with two hints', 400, 'token=a&token_type_hint=x&token_type_hint=y', FORM],
      ['in JSON', 415, '{"token":"a"}', 'application/json'],
      ['in plain text', 415, 'token=a', 'text/plain'],
      ['in several parts', 415, '--x--', 'multipart/form-data; boundary=x'],
      ['that is huge', 413, `token=${'x'.repeat(17_000)}`, FORM],
    ])('a request %s is refused with %i and an OAuth error', async (_what, status, body, type) => {
      const headers = { ...AUTHORIZED, ...(type !== undefined && { 'content-type': type }) };
      const answer = await post(node, path, body, headers);
      expect(answer).toMatchObject({ status, body: { error: 'invalid_request' } });
      expect(Object.keys(answer.body)).toEqual(['error', 'error_description']);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });

    test('a form may name its charset and have unknown parameters', async () => {
      const headers = { ...AUTHORIZED, 'content-type': `${FORM}; charset=UTF-8` };
      expect((await post(node, path, 'token=a&client_id=b', headers)).status).toBe(200);
    });

    test('a token in the URL is ignored, and GET does nothing', async () => {
      const address = `${path}?token=${token}`;
      expect((await post(node, address, '', AUTHORIZED)).status).toBe(400);
      const response = await fetch(`${node.url}${address}`, { headers: AUTHORIZED });
      expect(response.status).toBe(404);
      expect(await isActive(node, token)).toBe(true);
    });
  });

  test('a request without the secret is refused before its body is read', async () => {
    const answer = await post(node, '/oauth/introspect', `token=${'x'.repeat(17_000)}`);
    expect(answer.status).toBe(401);
  });

  test('a page of an allowed origin may revoke, and no page may introspect', async () => {
    const headers = { ...AUTHORIZED, origin: 'https://app.example.com' };
    const allowed = async (path: string) =>
      (await post(node, path, 'token=a', headers)).headers.get('access-control-allow-origin');
    expect(await allowed('/oauth/revoke')).toBe('https://app.example.com');
    expect(await allowed('/oauth/introspect')).toBeNull();
  });

  test('only these endpoints read forms', async () => {
    const answer = await post(node, '/graphql', 'query={me{id}}');
    expect(answer).toMatchObject({ status: 415, body: { errors: [expect.anything()] } });
  });

  test('an address may send sixty bad tokens a minute, and introspect without a limit', async () => {
    const limited = await world.node({ ...ENV, RATE_LIMIT: 'on' });
    const tokens = await limited.api.newUser();
    for (let i = 0; i < 5; i++) await limited.api.refresh('x');
    const answers = await Promise.all(Array.from({ length: 58 }, () => revoke(limited, 'x')));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(3);
    expect(refused[0]!.body).toMatchObject({ error: 'temporarily_unavailable' });
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0);
    for (let i = 0; i < 70; i++) expect(await isActive(limited, tokens.accessToken)).toBe(true);
    // Bad tokens of a neighbour do not block a good one.
    expect((await revoke(limited, tokens.accessToken)).status).toBe(200);
  });

  test('no token and no secret is in the log or in an error, at any level', async () => {
    const own = await newWorld({ redis: null });
    const chatty = await own.node({ ...ENV, LOG_LEVEL: 'trace' });
    const tokens = await chatty.api.newUser();
    const answers: OAuthAnswer[] = [];
    for (const each of [tokens.accessToken, tokens.refreshToken]) {
      await ask(chatty, each);
      answers.push(
        await post(chatty, `/oauth/introspect?token=${each}`, `token=${each}&token=${each}`, AUTHORIZED),
        await post(chatty, `/oauth/introspect?token=${each}`, each, {
          ...AUTHORIZED,
          'content-type': 'text/plain',
        }),
        await post(chatty, '/oauth/introspect', `token=${each}`, { authorization: `Bearer ${each}` }),
        await post(chatty, '/oauth/revoke', `token=${each}&token=${each}`),
        await post(chatty, '/oauth/revoke', `token=${each}`, { 'content-type': 'application/json' }),
      );
    }
    await own.sql('alter table refresh_tokens rename to mislaid');
    answers.push(await ask(chatty, tokens.refreshToken), await revoke(chatty, tokens.refreshToken));
    expect(answers.at(-1)).toMatchObject({ status: 500, body: { error: 'server_error' } });
    await own.sql('alter table mislaid rename to refresh_tokens');
    await revoke(chatty, tokens.accessToken);

    const said = chatty.log.join('') + answers.map(({ text }) => text).join('');
    expect(chatty.log.join('').length).toBeGreaterThan(1000);
    for (const secret of [
      tokens.accessToken,
      tokens.accessToken.split('.')[2]!,
      tokens.refreshToken,
      SECRET,
      PASSWORD,
    ])
      expect(said).not.toContain(secret);
  });
});

describe('when a store is away', () => {
  test('records answer without Postgres; without any store the answer is 503', async () => {
    const world = await createWorld();
    const postgres = await startProxy(world.databaseUrl);
    const redis = await startProxy(world.redisUrl!);
    try {
      const node = await world.node({ ...ENV, DATABASE_URL: postgres.url, REDIS_URL: redis.url });
      const [known, unknown, gone] = [
        await node.api.newUser(),
        await node.api.newUser(),
        await node.api.newUser(),
      ];
      const records = () =>
        withRedis(world.redisUrl!, async (client) => (await client.keys('*record*')).join());
      // The node has a view, so no record exists yet. Introspection fills records for services without a view.
      expect(await records()).not.toContain(known.user.id);
      await eventually(async () => {
        for (const { accessToken } of [known, gone]) expect(await isActive(node, accessToken)).toBe(true);
        expect(await records()).toContain(known.user.id);
        expect(await records()).toContain(gone.user.id);
      });
      await node.api.end('logout', gone.accessToken);

      postgres.cut();
      expect(await isActive(node, known.accessToken)).toBe(true);
      expect(await isActive(node, gone.accessToken)).toBe(false);
      const expectUnavailable = async (answer: Promise<OAuthAnswer>) => {
        const { status, headers, body } = await answer;
        expect(status).toBe(503);
        expect(headers.get('retry-after')).toBe('1');
        expect(headers.get('cache-control')).toBe('no-store');
        expect(body).toEqual({ error: 'temporarily_unavailable', error_description: expect.any(String) });
      };
      await expectUnavailable(ask(node, unknown.accessToken));
      await expectUnavailable(ask(node, known.refreshToken));
      await expectUnavailable(ask(node, randomBytes(32).toString('base64url')));
      for (const token of [known.accessToken, known.refreshToken])
        await expectUnavailable(revoke(node, token));

      redis.cut();
      for (const { accessToken } of [known, unknown, gone]) await expectUnavailable(ask(node, accessToken));
      await expectUnavailable(revoke(node, known.accessToken));

      postgres.restore();
      redis.restore();
      await eventually(async () => expect(await isActive(node, known.accessToken)).toBe(true));
      expect(await isActive(node, known.refreshToken)).toBe(true);
      expect(await isActive(node, gone.accessToken)).toBe(false);
    } finally {
      postgres.restore();
      redis.restore();
      await world.close();
      await postgres.close();
      await redis.close();
    }
  });

  test('a revocation that cannot reach Redis is answered as unconfirmed, and introspection knows it', async () => {
    const world = await createWorld();
    const redis = await startProxy(world.redisUrl!);
    try {
      const cut = await world.node({ ...ENV, REDIS_URL: redis.url });
      const tokens = await cut.api.newUser();
      await isActive(cut, tokens.accessToken);
      redis.cut();
      const { status, body } = await revoke(cut, tokens.refreshToken);
      expect({ status, body }).toEqual({
        status: 200,
        body: { confirmed: false, unconfirmedReason: expect.stringContaining('Redis') },
      });
      for (const token of [tokens.accessToken, tokens.refreshToken])
        expect(await isActive(cut, token)).toBe(false);
      redis.restore();
      await eventually(async () =>
        expect((await revoke(cut, tokens.refreshToken)).body).toEqual({ confirmed: true }),
      );
    } finally {
      redis.restore();
      await world.close();
      await redis.close();
    }
  });

  test('a token of an unknown key gets 503 while the keys cannot be read', async () => {
    const world = await createWorld({ redis: null });
    const postgres = await startProxy(world.databaseUrl);
    try {
      const node = await world.node({ ...ENV, DATABASE_URL: postgres.url });
      const { accessToken } = await node.api.newUser();
      const [, payload, signature] = accessToken.split('.');
      const header = { alg: 'ES256', typ: 'at+jwt', kid: randomUUID() };
      const foreign = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
      expect(await isActive(node, foreign)).toBe(false);
      postgres.cut();
      await eventually(async () => expect((await ask(node, foreign)).status).toBe(503));
      expect(await isActive(node, 'malformed')).toBe(false);
    } finally {
      postgres.restore();
      await world.close();
      await postgres.close();
    }
  });
});
