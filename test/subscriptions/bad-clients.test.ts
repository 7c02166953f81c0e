import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { newToken } from '../support/fake-guard';
import type { TestSocket } from '../support/socket';
import { clock, ownServer, REVOCATIONS, SESSION_ENDED } from './own-server';

const start = ownServer();

test('a client that does not sign in is closed', async () => {
  const { server, openSocket } = await start({ initTimeout: 20 });
  const socket = await openSocket();
  expect((await socket.closed).code).toBe(4408);
  await eventually(() => expect(server.closed).toEqual(['PROTOCOL']));
});

test('a client that does not answer a ping is cut off, and one that does stays', async () => {
  const { server, openSocket } = await start({ pingInterval: 50 });
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

test('a client that does not read its events is closed when too many wait', async () => {
  const { guard, server, signIn, otherSession } = await start({ waitingEvents: 20, closeTimeout: 50 });
  const token = newToken({ role: 'ADMIN' });
  // The check takes so long that the events pile up.
  const socket = await signIn(token, REVOCATIONS);
  guard.verdict = () => new Promise(() => undefined);
  for (let i = 0; i < 30; i++) otherSession(randomUUID());
  expect(await socket.closed).toEqual({ code: 1013, reason: 'TOO_SLOW' });
  await eventually(() => expect(server.closed).toEqual(['TOO_SLOW']));
});

test.each<[string, (socket: TestSocket, otherSession: (userId: string) => void) => void]>([
  [
    'events',
    (_socket, otherSession) => {
      for (let i = 0; i < 50; i++) otherSession(randomUUID());
    },
  ],
  ['answers to its pings', (socket) => socket.send({ type: 'ping', payload: { text: 'x'.repeat(10_000) } })],
  ['answers to the pings of its frames', (socket) => socket.raw.ping('x'.repeat(125))],
])(
  'a client that keeps asking and does not read %s is closed before much memory is used',
  async (_name, ask) => {
    const limits = { bufferedBytes: 4096, waitingEvents: 200, closeTimeout: 50, messages: Infinity };
    const { server, signIn, otherSession } = await start(limits);
    const socket = await signIn(newToken({ role: 'ADMIN' }), REVOCATIONS);
    socket.raw.pause();
    await eventually(() => {
      for (let i = 0; i < 200 && socket.raw.bufferedAmount < 1_000_000; i++) ask(socket, otherSession);
      expect(server.closed).toEqual(['TOO_SLOW']);
    });
    expect(server.sockets.open).toBe(0);
  },
);

test.each([
  ['messages', (socket: TestSocket) => socket.send({ type: 'ping' })],
  ['pings of its frames', (socket: TestSocket) => socket.raw.ping()],
  ['answers to pings that were not sent', (socket: TestSocket) => socket.raw.pong()],
])(
  'a client that sends too many %s within a minute is closed, and the count begins anew each minute',
  async (_name, send) => {
    const { server, signIn } = await start({ messages: 30 });
    // The sign-in is one message, and each subscription two.
    const socket = await signIn(newToken(), SESSION_ENDED);
    // A few are left for answers to the server's own pings.
    for (let i = 0; i < 20; i++) send(socket);
    await socket.listen(SESSION_ENDED, '2');
    clock.at += 60_000;
    for (let i = 0; i < 20; i++) send(socket);
    await socket.listen(SESSION_ENDED, '3');
    expect(socket.isOpen).toBe(true);
    for (let i = 0; i < 20; i++) send(socket);
    expect(await socket.closed).toEqual({ code: 1008, reason: 'TOO_MANY_MESSAGES' });
    await eventually(() => expect(server.closed).toEqual(['TOO_MANY_MESSAGES']));
  },
);

test('a client that does not answer the close is cut off', async () => {
  const { server, signIn, announce } = await start({ closeTimeout: 50, lastEventPatience: 20 });
  const token = newToken();
  const socket = await signIn(token, SESSION_ENDED);
  socket.raw.pause();
  announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
  await eventually(() => expect(server.closed).toEqual(['TOKEN_REVOKED']));
  expect(server.sockets.open).toBe(0);
});
