import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { serviceUnavailable } from '../../src/core/errors';
import { eventually } from '../support/eventually';
import { EXPIRED, REVOKED } from '../support/guarded-sockets';
import { newToken } from '../support/fake-guard';
import { clock, ownServer, REVOCATIONS, SESSION_ENDED } from './own-server';

const start = ownServer();

// What the auth server's own sockets promise beside test/guard/sockets.test.ts.

test('messages sent at once are served one in each turn of the event loop', async () => {
  const { server, signIn } = await start();
  const socket = await signIn(newToken());
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
  const { guard, server, connectWith, signIn, otherSession } = await start();
  const token = newToken();
  const socket = await signIn(token, SESSION_ENDED);
  guard.verdict = () => Promise.reject(new Error('a secret of the database'));
  otherSession(token.sub);
  await socket.closed;
  const other = await connectWith(token);
  await other.closed;
  expect(server.errors).toHaveLength(2);
  await eventually(() => expect(server.closed).toEqual(['INTERNAL_SERVER_ERROR', 'INTERNAL_SERVER_ERROR']));
});

test('a socket that no store can check is counted as SERVICE_UNAVAILABLE', async () => {
  const { guard, server, signIn, otherSession } = await start({ checkPatience: 20 });
  const token = newToken();
  const socket = await signIn(token, SESSION_ENDED);
  guard.verdict = () => 'SERVICE_UNAVAILABLE';
  otherSession(token.sub);
  await socket.closed;
  await eventually(() => expect(server.closed).toEqual(['SERVICE_UNAVAILABLE']));
});

describe('the last event', () => {
  test('is sent with the stores away', async () => {
    const { guard, signIn, announce } = await start();
    const token = newToken();
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
    const { guard, signIn, announce, otherSession } = await start();
    const token = newToken();
    const socket = await signIn(token, SESSION_ENDED);
    const answer = guard.hold();
    otherSession(token.sub);
    await eventually(() => expect(guard.askedOf(token)).toBe(2));
    announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
    answer(true);
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.events).toEqual([{ sessionEnded: { sessionId: null, scope: 'USER', current: true } }]);
  });

  test('is sent to every socket when everyone is logged out', async () => {
    const { server, signIn, announce } = await start();
    const crowd = await Promise.all(Array.from({ length: 450 }, () => signIn(newToken(), SESSION_ENDED)));
    const witness = await signIn(newToken({ role: 'ADMIN', globalVersion: 2 }), REVOCATIONS);
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
  const { signIn, announce, otherSession } = await start({ waitingEvents: 20 });
  const token = newToken();
  const socket = await signIn(token, SESSION_ENDED);
  const admin = await signIn(newToken({ role: 'ADMIN' }), REVOCATIONS);
  for (let i = 0; i < 30; i++)
    announce({ kind: 'SESSION', userId: token.sub, sessionId: randomUUID() }, false);
  otherSession(token.sub);
  await eventually(() => expect([socket.events, admin.events].map(({ length }) => length)).toEqual([1, 1]));
  expect(admin.events).toEqual([{ revocations: { kind: 'SESSION', userId: token.sub } }]);
});

test('a user has a limit of sockets: a socket beyond it is closed, until another one closes', async () => {
  const { server, connectWith, signIn } = await start({ ofUser: 2 });
  const token = newToken();
  const [first] = [await signIn(token), await signIn(token)];
  const refused = async () => {
    const socket = await connectWith(token);
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
  await signIn(newToken());
  await first.close();
  await eventually(() => expect(server.closed).toHaveLength(2));
  await signIn(token);
  await refused();
});

test('an administrator gets no event after their own token is revoked', async () => {
  const { signIn, announce } = await start();
  const token = newToken({ role: 'ADMIN' });
  const socket = await signIn(token, REVOCATIONS);
  announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
  announce({ kind: 'USER', userId: randomUUID(), tokenVersion: 2 });
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.events).toEqual([]);
});

test('a subscription that has ended gets no event', async () => {
  const { signIn, otherSession } = await start();
  const token = newToken();
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
  const { server, signIn } = await start();
  const exp = Math.floor(clock.at / 1000) + 1;
  const socket = await signIn(newToken({ exp }), SESSION_ENDED);
  // The timer is real: it fires within the second, and then looks at this clock.
  clock.at = exp * 1000;
  expect(await socket.closed).toEqual(EXPIRED);
  await eventually(() => expect(server.closed).toEqual(['TOKEN_EXPIRED']));
});
