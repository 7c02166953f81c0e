import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { serviceUnavailable } from '../../src/core/errors';
import type { Revocation } from '../../src/core/revocation';
import { type Announcements, createAnnouncements } from '../../src/revocation/announcements';
import type { SocketsOptions } from '../../src/subscriptions/sockets';
import { eventually } from '../support/eventually';
import { FakeGuard, type FakeToken, logged, newToken, textOf } from '../support/fake-guard';
import { type OwnSockets, startOwnSockets } from '../support/own-sockets';
import { TestSocket } from '../support/socket';

// What the auth server's own sockets promise beside test/guard/sockets.test.ts.

const SESSION_ENDED = 'subscription { sessionEnded { sessionId scope current } }';
const REVOCATIONS = 'subscription { revocations { kind userId } }';
const REVOKED = { code: 4403, reason: 'TOKEN_REVOKED' };

let guard: FakeGuard;
let announcements: Announcements;
let now: number;
let server: OwnSockets;
let faults: string[];
const open: TestSocket[] = [];

const start = async (limits: SocketsOptions['limits'] = {}) => {
  now = Date.now();
  faults = [];
  guard = new FakeGuard(() => now);
  announcements = createAnnouncements({ error: (_details, message) => void faults.push(message) });
  const clock = { now: () => now, monotonic: () => now };
  server = await startOwnSockets({ guard, announcements, clock, limits });
};

afterEach(async () => {
  for (const socket of open.splice(0)) socket.raw.terminate();
  await server.close();
  expect(announcements.listeners).toBe(0);
  expect(faults).toEqual([]);
});

const tokenOf = (more: Partial<FakeToken> = {}) => newToken(more, now);
const askToSignIn = (socket: TestSocket, token: FakeToken) =>
  socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${textOf(token)}` } });

const openSocket = async () => {
  const socket = await TestSocket.open(server.url);
  open.push(socket);
  return socket;
};
const signIn = async (token: FakeToken, query?: string) => {
  const socket = await TestSocket.signIn(server.url, textOf(token));
  open.push(socket);
  if (query !== undefined) await socket.listen(query);
  return socket;
};

const announce = (revocation: Revocation) => announcements.announce(logged(revocation), true);
/** As when the log is read from its start. */
const announceOld = (revocation: Revocation) => announcements.announce(logged(revocation), false);
const otherSession = (userId: string) => announce({ kind: 'SESSION', userId, sessionId: randomUUID() });
const askedOf = (token: FakeToken) => guard.askedOf(token);

test('messages sent at once are served one in each turn of the event loop', async () => {
  await start();
  const socket = await signIn(tokenOf());
  let turn = 0;
  let counting = setImmediate(function count() {
    turn += 1;
    counting = setImmediate(count);
  });
  const served = new Map<number, number>();
  server.accepted[0]?.on('message', () => served.set(turn, (served.get(turn) ?? 0) + 1));
  // In one write.
  const { _socket: connection } = socket.raw as unknown as { _socket: Socket };
  connection.cork();
  for (let i = 0; i < 50; i++) socket.subscribe('subscription { nothing }', `${i}`);
  connection.uncork();
  await eventually(() => expect(socket.of('error')).toHaveLength(50));
  clearImmediate(counting);
  expect(Math.max(...served.values())).toBeLessThanOrEqual(2);
});

test('an unexpected error in a check is logged, and closes the socket', async () => {
  await start();
  const token = tokenOf();
  const socket = await signIn(token, SESSION_ENDED);
  guard.verdict = () => Promise.reject(new Error('a secret of the database'));
  otherSession(token.sub);
  await socket.closed;
  const other = await openSocket();
  askToSignIn(other, token);
  await other.closed;
  expect(server.errors).toHaveLength(2);
  await eventually(() => expect(server.closed).toEqual(['INTERNAL_SERVER_ERROR', 'INTERNAL_SERVER_ERROR']));
});

test('a socket that no store can check is counted as SERVICE_UNAVAILABLE', async () => {
  await start({ checkPatience: 20 });
  const token = tokenOf();
  const socket = await signIn(token, SESSION_ENDED);
  guard.verdict = () => 'SERVICE_UNAVAILABLE';
  otherSession(token.sub);
  await socket.closed;
  await eventually(() => expect(server.closed).toEqual(['SERVICE_UNAVAILABLE']));
});

describe('the last event', () => {
  test('is sent with the stores away', async () => {
    await start();
    const token = tokenOf();
    const socket = await signIn(token, SESSION_ENDED);
    guard.verdict = () => {
      throw serviceUnavailable();
    };
    announce({ kind: 'SESSION', userId: token.sub, sessionId: token.sid });
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.events).toEqual([
      { sessionEnded: { sessionId: token.sid, scope: 'SESSION', current: true } },
    ]);
  });

  test('is the only one sent when the revocation comes during the check for another', async () => {
    await start();
    const token = tokenOf();
    const socket = await signIn(token, SESSION_ENDED);
    const answer = guard.hold();
    otherSession(token.sub);
    await eventually(() => expect(askedOf(token)).toBe(2));
    announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
    answer(true);
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.events).toEqual([{ sessionEnded: { sessionId: null, scope: 'USER', current: true } }]);
  });

  test('is sent to every socket when everyone is logged out', async () => {
    await start();
    const crowd = await Promise.all(Array.from({ length: 450 }, () => signIn(tokenOf(), SESSION_ENDED)));
    const witness = await signIn(tokenOf({ role: 'ADMIN', globalVersion: 2 }), REVOCATIONS);
    announce({ kind: 'EVERYONE', globalVersion: 2 });
    for (const socket of crowd) {
      await socket.closed;
      expect(socket.events).toHaveLength(1);
    }
    await eventually(() => expect(server.closed).toHaveLength(450));
    await witness.receive('next');
    expect(server.sockets.open).toBe(1);
  });
});

test('revocations from before the process began are not sent as events', async () => {
  await start({ waitingEvents: 20 });
  const token = tokenOf();
  const socket = await signIn(token, SESSION_ENDED);
  const admin = await signIn(tokenOf({ role: 'ADMIN' }), REVOCATIONS);
  for (let i = 0; i < 30; i++) announceOld({ kind: 'SESSION', userId: token.sub, sessionId: randomUUID() });
  otherSession(token.sub);
  await eventually(() => expect([socket.events, admin.events].map(({ length }) => length)).toEqual([1, 1]));
  expect(admin.events).toEqual([{ revocations: { kind: 'SESSION', userId: token.sub } }]);
});

test('a user has a limit of sockets: a socket beyond it is closed, until another one closes', async () => {
  await start({ ofUser: 2 });
  const token = tokenOf();
  const [first] = [await signIn(token), await signIn(token)];
  const refused = async () => {
    const socket = await openSocket();
    askToSignIn(socket, token);
    expect(await socket.closed).toEqual({ code: 1013, reason: 'TOO_MANY_SOCKETS' });
    expect(socket.messages).toEqual([]);
  };
  await refused();
  await eventually(() => expect(server.closed).toEqual(['TOO_MANY_SOCKETS']));
  expect(server.refusals).toEqual([
    expect.objectContaining({
      type: 'RATE_LIMIT_REACHED',
      userId: token.sub,
      sessionId: token.sid,
      reason: 'sockets-by-user',
    }),
  ]);
  await signIn(tokenOf());
  await first.close();
  await eventually(() => expect(server.closed).toHaveLength(2));
  await signIn(token);
  await refused();
});

test('an administrator gets no event after their own token is revoked', async () => {
  await start();
  const token = tokenOf({ role: 'ADMIN' });
  const socket = await signIn(token, REVOCATIONS);
  announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
  announce({ kind: 'USER', userId: randomUUID(), tokenVersion: 2 });
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.events).toEqual([]);
});

test('a subscription that has ended gets no event', async () => {
  await start();
  const token = tokenOf();
  const socket = await signIn(token, SESSION_ENDED);
  await socket.listen(SESSION_ENDED, '2');
  socket.send({ type: 'complete', id: '1' });
  await socket.listen('subscription { sessionEnded { scope } }', '3');
  otherSession(token.sub);
  await eventually(() =>
    expect(
      socket
        .of('next')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['2', '3']),
  );
});

test('a token expires by the clock, not by the timer', async () => {
  await start();
  const exp = Math.floor(now / 1000) + 1;
  const socket = await signIn(tokenOf({ exp }), SESSION_ENDED);
  // The timer is real: it fires within the second, and then looks at this clock.
  now = exp * 1000;
  expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
  await eventually(() => expect(server.closed).toEqual(['TOKEN_EXPIRED']));
});

describe('a bad client', () => {
  test('that does not sign in is closed', async () => {
    await start({ initTimeout: 20 });
    const socket = await openSocket();
    expect((await socket.closed).code).toBe(4408);
    await eventually(() => expect(server.closed).toEqual(['PROTOCOL']));
  });

  test('that does not answer a ping is cut off, and one that does stays', async () => {
    await start({ pingInterval: 50 });
    const dead = await openSocket();
    const well = await openSocket();
    let pings = 0;
    well.raw.on('ping', () => pings++);
    dead.raw.pause();
    await eventually(() => expect(server.closed).toEqual(['DEAD']));
    await eventually(() => expect(pings).toBeGreaterThan(3));
    expect(well.isOpen).toBe(true);
    expect(server.sockets.open).toBe(1);
  });

  test('that does not read its events is closed when too many wait', async () => {
    await start({ waitingEvents: 20, closeTimeout: 50 });
    const token = tokenOf({ role: 'ADMIN' });
    // The check takes so long that the events pile up.
    const socket = await signIn(token, REVOCATIONS);
    guard.verdict = () => new Promise(() => undefined);
    for (let i = 0; i < 30; i++) otherSession(randomUUID());
    expect(await socket.closed).toEqual({ code: 1013, reason: 'TOO_SLOW' });
    await eventually(() => expect(server.closed).toEqual(['TOO_SLOW']));
  });

  test.each([
    [
      'events',
      (socket: TestSocket) => {
        for (let i = 0; i < 50; i++) otherSession(randomUUID());
        return socket;
      },
    ],
    [
      'answers to its pings',
      (socket: TestSocket) => socket.send({ type: 'ping', payload: { text: 'x'.repeat(10_000) } }),
    ],
    ['answers to the pings of its frames', (socket: TestSocket) => socket.raw.ping('x'.repeat(125))],
  ])('that keeps asking and does not read %s is closed before much memory is used', async (_name, ask) => {
    await start({ bufferedBytes: 4096, waitingEvents: 200, closeTimeout: 50, messages: Infinity });
    const socket = await signIn(tokenOf({ role: 'ADMIN' }), REVOCATIONS);
    socket.raw.pause();
    await eventually(() => {
      for (let i = 0; i < 200 && socket.raw.bufferedAmount < 1_000_000; i++) ask(socket);
      expect(server.closed).toEqual(['TOO_SLOW']);
    });
    expect(server.sockets.open).toBe(0);
  });

  test.each([
    ['messages', (socket: TestSocket) => socket.send({ type: 'ping' })],
    ['pings of its frames', (socket: TestSocket) => socket.raw.ping()],
    ['answers to pings that were not sent', (socket: TestSocket) => socket.raw.pong()],
  ])(
    'that sends too many %s within a minute is closed, and the count begins anew each minute',
    async (_name, send) => {
      await start({ messages: 30 });
      // The sign-in is one message, and each subscription two.
      const socket = await signIn(tokenOf(), SESSION_ENDED);
      // A few are left for answers to the server's own pings.
      for (let i = 0; i < 20; i++) send(socket);
      await socket.listen(SESSION_ENDED, '2');
      now += 60_000;
      for (let i = 0; i < 20; i++) send(socket);
      await socket.listen(SESSION_ENDED, '3');
      expect(socket.isOpen).toBe(true);
      for (let i = 0; i < 20; i++) send(socket);
      expect(await socket.closed).toEqual({ code: 1008, reason: 'TOO_MANY_MESSAGES' });
      await eventually(() => expect(server.closed).toEqual(['TOO_MANY_MESSAGES']));
    },
  );

  test('that does not answer the close is cut off', async () => {
    await start({ closeTimeout: 50, lastEventPatience: 20 });
    const token = tokenOf();
    const socket = await signIn(token, SESSION_ENDED);
    socket.raw.pause();
    announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
    await eventually(() => expect(server.closed).toEqual(['TOKEN_REVOKED']));
    expect(server.sockets.open).toBe(0);
  });
});
