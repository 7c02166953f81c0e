import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Tokens } from '../../support/api';
import { eventually } from '../../support/eventually';
import { sharedNodes, sharedWorld } from '../../support/shared';
import { socketOpener } from '../../support/socket';
import { createWorld } from '../../support/world';
import { worldMaker } from '../../support/world-maker';

const SESSION_ENDED = 'subscription { sessionEnded { sessionId scope endedAt current } }';
const REVOCATIONS =
  'subscription { revocations { id kind userId sessionId tokenId tokenVersion globalVersion keyId revokedAt expiresAt } }';

const newWorld = worldMaker(createWorld);
const [node, other] = sharedNodes(sharedWorld(), {}, {});
const sockets = socketOpener();
let admin: Tokens;
beforeEach(async () => {
  admin = await node.api.loginAsAdmin();
});

describe('sessionEnded', () => {
  test('reports the logout of another session, and the socket stays open', async () => {
    const laptop = await node.api.newUser();
    const phone = await node.api.login(laptop.user.email);
    const socket = await sockets.listen(node, laptop, SESSION_ENDED);
    const { revokedAt } = await node.api.end('logout', phone.accessToken);
    await socket.receive('next');
    await socket.settle();
    expect(socket.events).toEqual([
      { sessionEnded: { sessionId: phone.session.id, scope: 'SESSION', endedAt: revokedAt, current: false } },
    ]);
    expect(socket.isOpen).toBe(true);
  });

  test('does not report the sessions of other users', async () => {
    const [user, stranger] = [await node.api.newUser(), await node.api.newUser()];
    const witness = await sockets.listen(node, admin, REVOCATIONS);
    const socket = await sockets.listen(node, user, SESSION_ENDED);
    await node.api.end('logoutEverywhere', stranger.accessToken);
    await witness.receive('next');
    await socket.settle();
    expect(socket.events).toEqual([]);
  });

  test('serves the client of graphql-ws', async () => {
    const laptop = await node.api.newUser();
    const phone = await node.api.login(laptop.user.email);
    const client = createClient({
      url: `${node.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${laptop.accessToken}` },
      retryAttempts: 0,
    });
    const acknowledged = new Promise<void>((resolve) => void client.on('connected', () => resolve()));
    const events = client.iterate({ query: SESSION_ENDED });
    const first = events.next();
    await acknowledged;
    // The client sends its subscription after the acknowledgement; the server gets it a moment later.
    await node.api.me(laptop.accessToken);
    await node.api.end('logout', phone.accessToken);
    expect((await first).value).toMatchObject({ data: { sessionEnded: { sessionId: phone.session.id } } });
    const next = events.next();
    await node.api.end('logoutEverywhere', laptop.accessToken);
    expect((await next).value).toMatchObject({ data: { sessionEnded: { sessionId: null, current: true } } });
    await expect(events.next()).rejects.toMatchObject({ code: 4403, reason: 'TOKEN_REVOKED' });
  });
});

describe('revocations', () => {
  test('reports every revocation to an administrator, with all that it names', async () => {
    const socket = await sockets.listen(node, admin, REVOCATIONS);
    const [user, again] = [await node.api.newUser(), await node.api.newUser()];
    const { revokedAt } = await node.api.end('logout', user.accessToken);
    await node.api.end('logoutEverywhere', again.accessToken);
    await eventually(() => expect(socket.events).toHaveLength(3));
    const nothing = {
      userId: null,
      sessionId: null,
      tokenId: null,
      tokenVersion: null,
      globalVersion: null,
      keyId: null,
      id: expect.stringMatching(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/),
      revokedAt: expect.any(String),
      expiresAt: expect.any(String),
    };
    const userId = user.user.id;
    expect(socket.events.map((event) => event.revocations)).toEqual([
      { ...nothing, kind: 'SESSION', userId, sessionId: user.session.id, revokedAt },
      { ...nothing, kind: 'TOKEN', userId, tokenId: expect.any(String) },
      { ...nothing, kind: 'USER', userId: again.user.id, tokenVersion: 2 },
    ]);
  });

  test('is refused to a user, with the reason', async () => {
    const socket = await sockets.listen(node, await node.api.newUser(), REVOCATIONS);
    expect((await socket.receive('next')).payload.errors).toEqual([
      expect.objectContaining({ extensions: { code: 'FORBIDDEN' } }),
    ]);
    await socket.receive('complete');
    expect(socket.isOpen).toBe(true);
  });

  test('sends nothing on a revoked token, even if this node was not told of the revocation', async () => {
    // Without Redis each event is checked in Postgres. There the token is revoked behind the server's back.
    const own = await newWorld({ redis: null });
    const alone = await own.node();
    const root = await alone.api.loginAsAdmin();
    const watcher = await sockets.listen(alone, root, REVOCATIONS);
    await own.sql('update users set token_version = token_version + 1 where id = $1', [root.user.id]);
    await alone.api.end('logout', (await alone.api.newUser()).accessToken);
    expect(await watcher.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
    expect(watcher.events).toEqual([]);
  });
});

// Each node closes its own sockets, so it must learn what was revoked on another node.
describe('a socket on one node, and a revocation on another', () => {
  test('a logout on the other node closes the socket after its last event', async () => {
    const tokens = await other.api.newUser();
    const socket = await sockets.listen(node, tokens, SESSION_ENDED);
    await other.api.end('logout', tokens.accessToken);
    await socket.receive('next');
    expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
    expect(socket.events).toMatchObject([
      { sessionEnded: { sessionId: tokens.session.id, scope: 'SESSION', current: true } },
    ]);
  });

  test('a key that the other node revokes closes the socket', async () => {
    const socket = await sockets.listen(node, await other.api.newUser(), SESSION_ENDED);
    await other.api.mutate('rotateSigningKey(revokeOld: true) { id }', admin.accessToken);
    await socket.receive('next');
    expect(await socket.closed).toEqual({ code: 4403, reason: 'TOKEN_REVOKED' });
  });

  test('an administrator gets each revocation once', async () => {
    const tokens = await other.api.newUser();
    const socket = await sockets.listen(node, admin, REVOCATIONS);
    await other.api.end('logout', tokens.accessToken);
    await other.api.end(`forceLogout(userId: "${tokens.user.id}")`, admin.accessToken);
    const kinds = () => socket.events.map(({ revocations }) => revocations.kind);
    await eventually(() => expect(kinds()).toContain('USER'));
    expect(kinds()).toEqual(['SESSION', 'TOKEN', 'USER']);
  });
});
