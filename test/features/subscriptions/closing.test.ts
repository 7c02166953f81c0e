import { PASSWORD, type Tokens } from '../../support/api';
import { cutOffNodeMaker } from '../../support/cut-off';
import { eventually } from '../../support/eventually';
import { sharedNodes, sharedWorld } from '../../support/shared';
import type { TestSocket } from '../../support/socket';
import { socketOpener } from '../../support/socket';

const SESSION_ENDED = 'subscription { sessionEnded { sessionId scope endedAt current } }';

const newCutOffNode = cutOffNodeMaker();
const world = sharedWorld();
const [node] = sharedNodes(world, {});
const sockets = socketOpener();
let admin: Tokens;
beforeEach(async () => {
  admin = await node.api.loginAsAdmin();
});

const listen = (user: Tokens, to = node) => sockets.listen(to, user, SESSION_ENDED);
const expectRevoked = async (socket: TestSocket) =>
  expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });

describe('a socket whose token is revoked gets its last event and is closed at once', () => {
  const expectLast = async (socket: TestSocket, event: object) => {
    await expectRevoked(socket);
    expect(socket.events).toEqual([{ sessionEnded: expect.objectContaining({ ...event, current: true }) }]);
    // The client would take the subscription for completed.
    expect(socket.of('complete')).toEqual([]);
  };

  test('after logout', async () => {
    const tokens = await node.api.newUser();
    const socket = await listen(tokens);
    await node.api.end('logout', tokens.accessToken);
    await expectLast(socket, { scope: 'SESSION', sessionId: tokens.session.id });
  });

  test('after logoutSession from another device', async () => {
    const laptop = await node.api.newUser();
    const phone = await node.api.login(laptop.user.email);
    const [socket, phoneSocket] = [await listen(laptop), await listen(phone)];
    await node.api.end(`logoutSession(sessionId: "${phone.session.id}")`, laptop.accessToken);
    await expectLast(phoneSocket, { scope: 'SESSION', sessionId: phone.session.id });
    await socket.settle();
    expect(socket.isOpen).toBe(true);
  });

  test.each<[string, 'own' | 'admin', (id: string) => string]>([
    ['logoutEverywhere', 'own', () => 'logoutEverywhere { scope }'],
    ['deleteAccount', 'own', () => `deleteAccount(password: "${PASSWORD}") { scope }`],
    ['forceLogout', 'admin', (id) => `forceLogout(userId: "${id}") { scope }`],
    ['disableUser', 'admin', (id) => `disableUser(userId: "${id}") { id }`],
    ['setRole', 'admin', (id) => `setRole(userId: "${id}", role: ADMIN) { id }`],
  ])('after %s', async (_name, by, mutation) => {
    const tokens = await node.api.newUser();
    const phone = await node.api.login(tokens.user.email);
    const both = [await listen(tokens), await listen(phone)];
    await node.api.mutate(mutation(tokens.user.id), (by === 'own' ? tokens : admin).accessToken);
    for (const socket of both) await expectLast(socket, { scope: 'USER', sessionId: null });
  });

  test('after forceLogoutAll, the administrator’s socket too', async () => {
    const users = [admin, await node.api.newUser(), await node.api.newUser()];
    const all = await Promise.all(users.map((user) => listen(user)));
    await node.api.end('forceLogoutAll(reason: "test")', admin.accessToken);
    for (const socket of all) await expectLast(socket, { scope: 'EVERYONE', sessionId: null });
  });

  test('after rotateSigningKey with revokeOld, but not without it', async () => {
    const socket = await listen(await node.api.newUser());
    const rotate = (revokeOld: boolean) =>
      node.api.mutate(`rotateSigningKey(revokeOld: ${revokeOld}) { id }`, admin.accessToken);
    await rotate(false);
    await socket.settle();
    expect(socket.isOpen).toBe(true);
    await rotate(true);
    await expectLast(socket, { scope: 'EVERYONE', sessionId: null });
  });

  test('even if it has no subscription', async () => {
    const tokens = await node.api.newUser();
    const socket = await sockets.signIn(node, tokens);
    await node.api.end('logoutEverywhere', tokens.accessToken);
    await expectRevoked(socket);
    expect(socket.of('next')).toEqual([]);
  });

  test('without waiting for a store', async () => {
    const { node: own, redis } = await newCutOffNode();
    const tokens = await own.api.newUser();
    const socket = await listen(tokens, own);
    redis.cut();
    await own.api.end('logout', tokens.accessToken);
    await expectRevoked(socket);
  });
});

test('the sign-in reads the token from either spelling of the header’s name', async () => {
  const { accessToken } = await node.api.newUser();
  const socket = await sockets.open(node);
  socket.send({ type: 'connection_init', payload: { Authorization: `Bearer ${accessToken}` } });
  await socket.receive('connection_ack');
});

describe('the sign-in refuses', () => {
  test.each([
    ['no parameters', undefined, 'TOKEN_MISSING'],
    ['an empty token', { authorization: '' }, 'TOKEN_MISSING'],
    ['no Bearer', { authorization: 'Basic YTpi' }, 'TOKEN_INVALID'],
    ['a forged token', { authorization: 'Bearer a.b.c' }, 'TOKEN_INVALID'],
    ['a token that is not a text', { authorization: { Bearer: 1 } }, 'TOKEN_INVALID'],
  ])('%s', async (_name, payload, reason) => {
    const socket = await sockets.open(node);
    socket.send({ type: 'connection_init', payload });
    expect(await socket.closed).toEqual({ code: 4403, reason });
    expect(socket.messages).toEqual([]);
  });

  test('a revoked token', async () => {
    const { accessToken } = await node.api.newUser();
    await node.api.end('logout', accessToken);
    const socket = await sockets.open(node);
    socket.authorize(`Bearer ${accessToken}`);
    await expectRevoked(socket);
  });

  test('an expired token with 4401, and a token that expires closes its sockets with 4401', async () => {
    const brief = await world.node({ ACCESS_TOKEN_TTL: '5s', CLOCK_SKEW: '0s' });
    const user = await brief.api.newUser();
    const socket = await sockets.signIn(brief, user);
    const expired = { code: 4401, reason: 'TOKEN_EXPIRED' };
    expect(await socket.closed).toEqual(expired);
    const late = await sockets.open(brief);
    late.authorize(`Bearer ${user.accessToken}`);
    expect(await late.closed).toEqual(expired);
  });

  test('a token that no store can check, with "try again later"', async () => {
    const { node: own, postgres, redis } = await newCutOffNode();
    const { accessToken } = await own.api.newUser();
    redis.cut();
    postgres.cut();
    // The view is current until its lease is over.
    await eventually(async () => expect((await fetch(`${own.url}/readyz`)).status).toBe(503));
    const socket = await sockets.open(own);
    socket.authorize(`Bearer ${accessToken}`);
    expect(await socket.closed).toEqual({ code: 1013, reason: 'SERVICE_UNAVAILABLE' });
  });

  test('a subscription before the sign-in', async () => {
    const socket = await sockets.open(node);
    socket.subscribe(SESSION_ENDED);
    expect((await socket.closed).code).toBe(4401);
  });
});

test('a stopping node closes its sockets with 1001, and does not wait for one that does not answer', async () => {
  const own = await world.node();
  const user = await own.api.newUser();
  const socket = await listen(user, own);
  const silent = await sockets.signIn(own, user);
  silent.raw.pause();
  const waiting = await sockets.open(own);
  await own.close();
  expect((await socket.closed).code).toBe(1001);
  expect((await waiting.closed).code).toBe(1001);
  expect(socket.of('complete')).toEqual([]);
  silent.raw.resume();
  await silent.closed;
});

test('no log level prints a token of a socket', async () => {
  const chatty = await world.node({ LOG_LEVEL: 'trace' });
  const socket = await sockets.signIn(chatty, admin);
  socket.send({ type: 'next', id: admin.accessToken, payload: {} });
  await socket.closed;
  const bad = await sockets.open(chatty, { path: `/graphql?token=${admin.accessToken}` });
  bad.authorize(`Bearer ${admin.accessToken}x`);
  await bad.closed;
  await eventually(() => expect(chatty.log.join('')).toContain('A socket was closed.'));
  expect(chatty.log.join('')).not.toContain(admin.accessToken.split('.')[1]!);
});
