import { revokeSubject } from '../../../src/actions/revoke-subject';
import { serviceUnavailable } from '../../../src/core/errors';
import { createService } from '../../chaos/services';
import type { FleetNode } from '../../chaos/fleet';
import { cutOffNodeMaker } from '../../support/cut-off';
import { eventually } from '../../support/eventually';
import { shared, sharedNodes, sharedWorld } from '../../support/shared';
import { createWorld, type TestNode } from '../../support/world';
import { AUTHORIZED, ENV as INTROSPECTION, post as postForm } from './client';

const SECRET = 'only to end tokens: 7Yw2mQ9xLr4Kb8Vd';
const ENV = { ...INTROSPECTION, REVOCATION_SECRET: SECRET, CORS_ORIGINS: 'https://app.example.com' };
const BEARER = { authorization: `Bearer ${SECRET}` };
const PATH = '/global-token-revocation';

const send = (node: Pick<TestNode, 'url'>, body: string, headers: Record<string, string> = BEARER) =>
  postForm(node as TestNode, PATH, body, { 'content-type': 'application/json', ...headers });

/** Sends a Subject Identifier. */
const revoke = (node: Pick<TestNode, 'url'>, subject: object, headers?: Record<string, string>) =>
  send(node, JSON.stringify({ sub_id: subject }), headers);

const opaque = (id: string) => ({ format: 'opaque', id });

const newCutOffNode = cutOffNodeMaker();
const world = sharedWorld(() => createWorld({ redis: null }));
const [node, limited] = sharedNodes(world, ENV, { ...ENV, RATE_LIMIT: 'on' });
const bystander = shared(() => node.api.newUser());

const reasonOf = async ({ api }: TestNode, { accessToken }: { accessToken: string }) =>
  (await api.send('{ me { id } }', {}, accessToken)).reason;

test.each<[string, (user: { id: string; email: string }) => object]>([
  ['the email', ({ email }) => ({ format: 'email', email })],
  ['the email in another spelling', ({ email }) => ({ format: 'email', email: email.toUpperCase() })],
  ['issuer and subject', ({ id }) => ({ format: 'iss_sub', iss: 'http://localhost:4000', sub: id })],
  ['the id', ({ id }) => opaque(id)],
])('every session and token of a user named by %s ends, and of nobody else', async (_what, name) => {
  const first = await node.api.newUser();
  const second = await node.api.login(first.user.email);
  const answer = await revoke(node, name(first.user));
  expect([answer.status, answer.text]).toEqual([204, '']);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  for (const tokens of [first, second]) {
    expect(await reasonOf(node, tokens)).toBe('TOKEN_REVOKED');
    expect((await node.api.refresh(tokens.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  }
  expect(await reasonOf(node, bystander)).toBeUndefined();
  expect((await node.api.login(first.user.email)).accessToken).toBeDefined();
});

test('the audit log has each revocation, who named the user how, and no email', async () => {
  const { user } = await node.api.newUser();
  const { headers } = await revoke(node, { format: 'email', email: user.email });
  const [event] = await world.sql('select * from audit_events where request_id = $1', [
    headers.get('x-request-id'),
  ]);
  expect(event).toMatchObject({
    type: 'FORCED_LOGOUT',
    user_id: user.id,
    actor_id: null,
    reason: 'Global Token Revocation (email)',
    ip_address: '127.0.0.1',
  });
});

test('a disabled user, one without a session and the last administrator are logged out alike', async () => {
  const admin = await node.api.loginAsAdmin();
  const disabled = await node.api.newUser();
  await node.api.send(
    'mutation ($id: ID!) { disableUser(userId: $id) { id } }',
    { id: disabled.user.id },
    admin.accessToken,
  );
  const gone = await node.api.newUser();
  await node.api.end('logout', gone.accessToken);
  for (const { user } of [disabled, gone, admin])
    expect((await revoke(node, opaque(user.id))).status).toBe(204);
  expect(await reasonOf(node, admin)).toBe('TOKEN_REVOKED');
  // Still enabled: it was only logged out.
  expect((await node.api.loginAsAdmin()).accessToken).toBeDefined();
});

test.each<[string, object]>([
  ['email', { format: 'email', email: 'nobody@example.com' }],
  ['email that no account can have', { format: 'email', email: 'x@\ud800\u0000' }],
  ['id', opaque('4c0a7f3e-9a53-4f0b-8f0e-2d8b3c1a5e77')],
  ['id in another form', opaque('e193177dfdc52e3dd03f78c')],
  ['subject', { format: 'iss_sub', iss: 'http://localhost:4000', sub: 'nobody' }],
])('an unknown %s is answered with 404, and recorded', async (_what, subject) => {
  const { status, body, headers } = await revoke(node, subject);
  expect([status, body.error]).toEqual([404, 'user_not_found']);
  await eventually(async () => {
    const rows = await world.sql('select type, reason from audit_events where request_id = $1', [
      headers.get('x-request-id'),
    ]);
    expect(rows).toEqual([
      { type: 'REVOCATION_REFUSED', reason: expect.stringMatching(/^an unknown user was named/) },
    ]);
  });
});

test('a Postgres that may not be the primary cannot say that a user is unknown', async () => {
  const recorded: unknown[] = [];
  const revoke = revokeSubject({
    truth: {
      users: { findById: () => Promise.resolve(undefined) },
      ping: () => Promise.reject(serviceUnavailable()),
    },
    recordRefusal: (event: unknown) => recorded.push(event),
    settings: { issuer: '' },
  } as unknown as Parameters<typeof revokeSubject>[0]);
  const subject = { format: 'opaque', id: bystander.user.id } as const;
  await expect(revoke(subject, { ipAddress: '' })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(recorded).toEqual([]);
});

test('a subject of another issuer is unknown, even if the subject is one of our ids', async () => {
  const iss_sub = (iss: string) => ({ format: 'iss_sub', iss, sub: bystander.user.id });
  for (const iss of ['https://idp.example.com', 'http://localhost:4000/', 'HTTP://localhost:4000'])
    expect((await revoke(node, iss_sub(iss))).status).toBe(404);
  expect(await reasonOf(node, bystander)).toBeUndefined();
});

const id = '"format":"opaque","id":"4c0a7f3e-9a53-4f0b-8f0e-2d8b3c1a5e77"';

test.each<[string, string]>([
  ['nothing', ''],
  ['no JSON', '{"sub_id":'],
  ['null', 'null'],
  ['a list', `[{"sub_id":{${id}}}]`],
  ['no sub_id', '{}'],
  ['a text as sub_id', '{"sub_id":"4c0a7f3e-9a53-4f0b-8f0e-2d8b3c1a5e77"}'],
  ['the subject itself', `{${id}}`],
  ['a list of subjects', `{"sub_id":[{${id}}]}`],
  ['the name before draft 03', `{"subject":{${id}}}`],
  ['no format', '{"sub_id":{"id":"4c0a7f3e-9a53-4f0b-8f0e-2d8b3c1a5e77"}}'],
  ['a format that does not exist', '{"sub_id":{"format":"constructor","id":"x"}}'],
  ['a format in other letters', '{"sub_id":{"format":"Email","email":"a@example.com"}}'],
  ['a phone number', '{"sub_id":{"format":"phone_number","phone_number":"+12065550100"}}'],
  ['aliases', `{"sub_id":{"format":"aliases","identifiers":[{${id}}]}}`],
  ['no member', '{"sub_id":{"format":"opaque"}}'],
  ['an empty member', '{"sub_id":{"format":"opaque","id":""}}'],
  ['null as a member', '{"sub_id":{"format":"opaque","id":null}}'],
  ['a number as a member', '{"sub_id":{"format":"opaque","id":7}}'],
  ['half an issuer and subject', '{"sub_id":{"format":"iss_sub","sub":"x"}}'],
  ['no address as the email', '{"sub_id":{"format":"email","email":"nobody"}}'],
  ['a member of another format', `{"sub_id":{${id},"email":"a@example.com"}}`],
  ['a further property', `{"sub_id":{${id}},"reason":"x"}`],
  ['two subjects', `{"sub_id":{"format":"opaque","id":"x"},"sub_id":{${id}}}`],
  ['a subject with two ids', `{"sub_id":{${id},"\\u0069d":"x"}}`],
])('a request with %s is malformed', async (_what, text) => {
  const { status, body } = await send(node, text);
  expect([status, body.error]).toEqual([400, 'invalid_request']);
});

test('only JSON of at most 4 KiB is read, in any spelling of JSON', async () => {
  const { user } = await node.api.newUser();
  const form = { ...BEARER, 'content-type': 'application/x-www-form-urlencoded' };
  expect((await send(node, `sub_id=${user.id}`, form)).status).toBe(415);
  const charset = { ...BEARER, 'content-type': 'application/json; charset=utf-8' };
  const spaced = `{ "sub_\\u0069d" :\n { "id" : "${user.id}", "format" : "opaque" } }`;
  expect((await send(node, spaced, charset)).status).toBe(204);
  const huge = { format: 'email', email: `${'x'.repeat(4096)}@example.com` };
  expect((await revoke(node, huge)).status).toBe(413);
});

test.each<[string, Record<string, string>, string]>([
  ['no secret', {}, 'Bearer'],
  ['a wrong one', { authorization: `Bearer ${SECRET}x` }, 'Bearer error="invalid_token"'],
  ['the secret of services', AUTHORIZED, 'Bearer error="invalid_token"'],
  ['another scheme', { authorization: `Basic ${SECRET}` }, 'Bearer error="invalid_token"'],
])('with %s nothing is read or ended, and it is recorded', async (_what, headers, challenge) => {
  const answer = await revoke(node, opaque(bystander.user.id), headers);
  expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  expect(answer.headers.get('www-authenticate')).toBe(challenge);
  expect((await send(node, 'x'.repeat(5000), headers)).status).toBe(401);
  expect(await reasonOf(node, bystander)).toBeUndefined();
  await eventually(async () => {
    const rows = await world.sql('select type from audit_events where request_id = $1', [
      answer.headers.get('x-request-id'),
    ]);
    expect(rows).toEqual([{ type: 'REVOCATION_REFUSED' }]);
  });
});

test('an administrator’s token is not the secret, and the secret is good for nothing else', async () => {
  const { accessToken } = await node.api.loginAsAdmin();
  const asAdmin = { authorization: `Bearer ${accessToken}` };
  expect((await revoke(node, opaque(bystander.user.id), asAdmin)).status).toBe(401);
  const introspected = await postForm(node, '/oauth/introspect', { token: bystander.accessToken }, BEARER);
  expect(introspected.status).toBe(401);
});

test('no page may call it, and without the setting it does not exist', async () => {
  const origin = { ...BEARER, origin: 'https://app.example.com' };
  const { user } = await node.api.newUser();
  const answer = await revoke(node, opaque(user.id), origin);
  expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  const bare = await world.node(INTROSPECTION);
  expect((await revoke(bare, opaque(user.id))).body).toMatchObject({ errors: [{}] });
});

test('a user can be named thirty times a minute, in every way together, and others still can', async () => {
  const { user } = await node.api.newUser();
  const names = [opaque(user.id), { format: 'email', email: user.email }];
  const answers = await Promise.all(Array.from({ length: 31 }, (_, i) => revoke(limited, names[i % 2]!)));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(30).fill(204), 429]);
  const { headers } = answers.find(({ status }) => status === 429)!;
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await revoke(limited, opaque((await node.api.newUser()).user.id))).status).toBe(204);
});

test('503 while it is stored but not confirmed; repeated, it is 204 as soon as it is', async () => {
  const {
    node: cutOff,
    redis,
    postgres,
  } = await newCutOffNode({
    ...ENV,
    REVOCATION_LEASE: '200ms',
  });
  const tokens = await cutOff.api.newUser();
  redis.cut();
  const stored = await revoke(cutOff, opaque(tokens.user.id));
  expect([stored.status, stored.body.error]).toEqual([503, 'temporarily_unavailable']);
  expect(stored.headers.get('retry-after')).toBe('5');
  expect(await reasonOf(cutOff, tokens)).toBe('TOKEN_REVOKED');
  redis.restore();
  await eventually(async () => expect((await revoke(cutOff, opaque(tokens.user.id))).status).toBe(204));

  const other = await cutOff.api.newUser();
  postgres.cut();
  const { status, headers } = await revoke(cutOff, opaque(other.user.id));
  expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  postgres.restore();
  await eventually(async () => expect(await reasonOf(cutOff, other)).toBeUndefined());
});

test('no 204 while a paused service may still accept the token', async () => {
  const { node: own } = await newCutOffNode({ ...ENV, REVOCATION_LEASE: '3s' });
  const service = await createService({
    name: 'service',
    home: { url: own.url } as FleetNode,
    issuer: 'http://localhost:4000',
    secret: INTROSPECTION.INTROSPECTION_SECRET,
    address: () => '127.0.0.1',
  });
  await service.start();
  try {
    const { user, accessToken } = await own.api.newUser();
    const ask = async () =>
      (await fetch(service.url, { headers: { authorization: `Bearer ${accessToken}` } })).status;
    await eventually(async () => expect(await service.status()).toMatchObject({ view: 'current' }));
    expect(await ask()).toBe(200);

    service.signal('SIGSTOP');
    let isAnswered = false;
    const answer = revoke(own, opaque(user.id)).finally(() => (isAnswered = true));
    await eventually(async () => expect(await reasonOf(own, { accessToken })).toBe('TOKEN_REVOKED'));
    expect(isAnswered).toBe(false);
    expect((await answer).status).toBe(204);
    service.signal('SIGCONT');
    expect(await ask()).toBe(401);
  } finally {
    service.signal('SIGCONT');
    await service.end('SIGKILL');
    await service.wire.close();
  }
});
