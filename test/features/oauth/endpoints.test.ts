import type * as NodeCrypto from 'node:crypto';
import { PASSWORD } from '../../support/api';
import { shared, sharedNodes, sharedWorld } from '../../support/shared';
import { createWorld } from '../../support/world';
import { worldMaker } from '../../support/world-maker';
import {
  AUTHORIZED,
  ENV,
  FORM,
  introspect,
  isActive,
  type OAuthAnswer,
  post,
  revoke,
  SECRET,
} from './client';

const newWorld = worldMaker(createWorld);
const world = sharedWorld(() => createWorld({ redis: null }));
const [node] = sharedNodes(world, { ...ENV, CORS_ORIGINS: 'https://app.example.com' });
const user = shared(() => node.api.newUser());

test.each<[string, Record<string, string>]>([
  ['no secret', {}],
  ['an empty one', { authorization: 'Bearer ' }],
  ['a wrong one', { authorization: `Bearer ${SECRET}x` }],
  ['one in other letters', { authorization: `Bearer ${SECRET.toLowerCase()}` }],
  ['the beginning of it', { authorization: `Bearer ${SECRET.slice(0, -1)}` }],
  ['another scheme', { authorization: `Basic ${Buffer.from(`:${SECRET}`).toString('base64')}` }],
])('introspection with %s is refused', async (_what, headers) => {
  const answer = await post(node, '/oauth/introspect', { token: user.accessToken }, headers);
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.body).toEqual({ error: 'invalid_client', error_description: expect.any(String) });
});

test('an access token does not work as the secret, not even an administrator’s', async () => {
  const { accessToken } = await node.api.loginAsAdmin();
  const headers = { authorization: `Bearer ${accessToken}` };
  expect((await post(node, '/oauth/introspect', { token: user.accessToken }, headers)).status).toBe(401);
});

test('the secret is compared in constant time, for any length', async () => {
  const crypto = jest.requireActual<typeof NodeCrypto>('node:crypto');
  const compare = jest.spyOn(crypto, 'timingSafeEqual');
  try {
    for (const secret of ['x', `${SECRET}${'x'.repeat(500)}`])
      await post(node, '/oauth/introspect', '', { authorization: `Bearer ${secret}` });
    expect(compare).toHaveBeenCalledTimes(2);
    for (const args of compare.mock.calls) expect(args.map(({ byteLength }) => byteLength)).toEqual([32, 32]);
  } finally {
    compare.mockRestore();
  }
});

test('without a configured secret introspection is off and revoking works', async () => {
  const bare = await world.node({ INTROSPECTION_SECRET: '' });
  const tokens = await bare.api.newUser();
  const form = { token: tokens.accessToken };
  const wrong = ['Bearer undefined', 'Bearer '].map((authorization) => ({ authorization }));
  for (const headers of [{}, AUTHORIZED, ...wrong])
    expect((await post(bare, '/oauth/introspect', form, headers)).status).toBe(404);
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
    const address = `${path}?token=${user.accessToken}`;
    expect((await post(node, address, '', AUTHORIZED)).status).toBe(400);
    const response = await fetch(`${node.url}${address}`, { headers: AUTHORIZED });
    expect(response.status).toBe(404);
    expect(await isActive(node, user.accessToken)).toBe(true);
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
    await introspect(chatty, each);
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
  await own.sql('alter table sessions rename to mislaid');
  answers.push(await introspect(chatty, tokens.refreshToken), await revoke(chatty, tokens.refreshToken));
  expect(answers.at(-1)).toMatchObject({ status: 500, body: { error: 'server_error' } });
  await own.sql('alter table mislaid rename to sessions');
  await revoke(chatty, tokens.accessToken);

  const said = chatty.log.join('') + answers.map(({ text }) => text).join('');
  expect(chatty.log.join('').length).toBeGreaterThan(1000);
  const { accessToken, refreshToken } = tokens;
  for (const secret of [accessToken, accessToken.split('.')[2]!, refreshToken, SECRET, PASSWORD])
    expect(said).not.toContain(secret);
});
