import { PASSWORD, RECEIPT } from '../support/api';
import { shared, sharedNodes, sharedWorld } from '../support/shared';

const world = sharedWorld();
const [node, gatewayed] = sharedNodes(world, {}, { HTTP_STATUS: '200', NODE_ENV: 'production' });
const user = shared(() => node.api.newUser());
const admin = shared(() => node.api.loginAsAdmin());
const gone = shared(async () => {
  const tokens = await node.api.newUser();
  await node.api.end('logout', tokens.accessToken);
  return tokens;
});

test('me is null without a token, which is no error', async () => {
  const answer = await node.api.me();
  expect(answer).toMatchObject({ status: 200, data: { me: null } });
  expect(answer.errors).toBeUndefined();
});

test.each([
  ['revoked', () => gone.accessToken, 'TOKEN_REVOKED'],
  ['invalid', () => 'nonsense', 'TOKEN_INVALID'],
])('me is refused with a %s token', async (_what, token, reason) => {
  const refused = { data: { me: null }, code: 'UNAUTHENTICATED', reason };
  expect(await node.api.me(token())).toMatchObject({ status: 401, ...refused });
});

test('an answer is 200 if one field succeeds, and has the errors of the others', async () => {
  const answer = await node.api.send(
    '{ __typename me { id } mine: me { email } user(id: "1") { id } }',
    {},
    gone.accessToken,
  );
  expect(answer).toMatchObject({
    status: 200,
    data: { __typename: 'Query', me: null, mine: null, user: null },
  });
  expect(answer.errors!.map(({ path }) => path)).toEqual([['me'], ['mine'], ['user']]);
});

test('null without an error is an answer', async () => {
  const query = `query($id: ID!) { user(id: $id) { id } me { sessions(first: 101) { id } } }`;
  const id = '00000000-0000-4000-8000-000000000000';
  expect(await node.api.send(query, { id }, admin.accessToken)).toMatchObject({
    status: 200,
    data: { user: null, me: null },
    code: 'BAD_USER_INPUT',
  });
});

test('the status is the highest of the errors if every root field failed', async () => {
  const failed = '{ a: user(id: "1") { id } b: me { sessions(first: 101) { id } } }';
  expect(await node.api.send(failed, {}, user.accessToken)).toMatchObject({
    status: 403,
    data: { a: null, b: null },
  });
  // Mutations cannot be null: one that fails takes the data of the others along.
  const mutation = 'mutation { a: requestEmailVerification b: forceLogoutAll(reason: "x") { scope } }';
  const refused = await node.api.send(mutation, {}, user.accessToken);
  expect(refused).toMatchObject({ status: 501, data: null });
});

describe('with HTTP_STATUS=200', () => {
  test.each<[string, string, number, string]>([
    ['a refused token', '{ me { id } }', 200, 'UNAUTHENTICATED'],
    ['a missing token', '{ user(id: "1") { id } }', 200, 'UNAUTHENTICATED'],
    ['a failed mutation', 'mutation { logoutEverywhere { scope } }', 200, 'UNAUTHENTICATED'],
    ['a document that does not fit', '{ nothing }', 200, 'GRAPHQL_VALIDATION_FAILED'],
    ['a document that is none', '{', 200, 'GRAPHQL_PARSE_FAILED'],
    [
      'an operation that costs too much',
      `{ ${Array.from({ length: 12 }, (_, i) => `a${i}: users { pageInfo { hasNextPage } }`).join(' ')} }`,
      200,
      'BAD_USER_INPUT',
    ],
    ['a subscription', 'subscription { sessionEnded { scope } }', 400, 'BAD_REQUEST'],
  ])('%s is answered with its code', async (_what, query, status, code) => {
    expect(await gatewayed.api.send(query, {}, 'nonsense')).toMatchObject({ status, code });
  });

  test('an answer in no form that the client accepts is still 406, and one that is not JSON 4xx', async () => {
    const xml = await gatewayed.api.send('{ me { id } }', {}, undefined, { accept: 'text/xml' });
    expect(xml).toMatchObject({ status: 406, code: 'BAD_REQUEST' });
    const headers = { 'content-type': 'application/json' };
    const broken = await fetch(`${gatewayed.url}/graphql`, { method: 'POST', headers, body: '{' });
    expect(broken.status).toBe(400);
  });

  test('the log still tells errors from successes', async () => {
    const refused = await gatewayed.api.me('nonsense');
    const id = refused.headers.get('x-request-id')!;
    const line = () => gatewayed.log.find((each) => each.includes(id) && each.includes('"Request."'));
    // This answer comes after the line.
    await gatewayed.api.me();
    expect(JSON.parse(line()!)).toMatchObject({ status: 200, code: 'UNAUTHENTICATED' });
  });
});

describe('a receipt is in the payload', () => {
  /** The result of a mutation, which must answer the same receipt in the extensions. */
  const ended = async (mutation: string, token?: string) => {
    const answer = await node.api.send(`mutation { it: ${mutation} }`, {}, token);
    const { receipt } = node.api.expect(answer).it;
    // The extensions leave out what is null.
    const given = Object.entries(receipt).filter(([, value]) => value !== null);
    expect(answer.extensions?.revocations).toEqual([Object.fromEntries(given)]);
    return answer.data.it;
  };

  test('of logoutOthers and changePassword', async () => {
    const { accessToken } = await node.api.newUser();
    const others = await ended(`logoutOthers { accessToken receipt ${RECEIPT} }`, accessToken);
    expect(others.receipt).toMatchObject({ scope: 'USER', confirmed: true, tokenVersion: 2 });
    const input = `{currentPassword: "${PASSWORD}", newPassword: "another good password"}`;
    const changed = await ended(`changePassword(input: ${input}) { receipt ${RECEIPT} }`, others.accessToken);
    expect(changed.receipt).toMatchObject({ scope: 'USER', confirmed: true, tokenVersion: 3 });
  });

  test('of disableUser and setRole, and of no other user', async () => {
    const { user: subject } = await node.api.newUser();
    const id = `userId: "${subject.id}"`;
    const { receipt } = await ended(`setRole(${id}, role: ADMIN) { receipt ${RECEIPT} }`, admin.accessToken);
    expect(receipt).toMatchObject({ scope: 'USER', confirmed: true, endedSessions: 0 });
    const disabled = await ended(`disableUser(${id}) { receipt ${RECEIPT} }`, admin.accessToken);
    expect(disabled.receipt).toMatchObject({ scope: 'USER', confirmed: true, endedSessions: 1 });
    const enabled = await node.api.mutate(`enableUser(${id}) { receipt ${RECEIPT} }`, admin.accessToken);
    expect(enabled).toEqual({ receipt: null });
    const me = await node.api.send(`{ me { receipt ${RECEIPT} } }`, {}, admin.accessToken);
    expect(me.data).toEqual({ me: { receipt: null } });
  });

  test('of rotateSigningKey, if keys were revoked', async () => {
    const { receipt } = await ended(
      `rotateSigningKey(revokeOld: true) { receipt ${RECEIPT} }`,
      admin.accessToken,
    );
    expect(receipt).toMatchObject({ scope: 'EVERYONE', confirmed: true });
    const { accessToken } = await node.api.loginAsAdmin();
    expect(await node.api.mutate(`rotateSigningKey { receipt ${RECEIPT} }`, accessToken)).toEqual({
      receipt: null,
    });
  });
});
