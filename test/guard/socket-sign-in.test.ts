import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { newToken, textOf } from '../support/fake-guard';
import { endOfSignIn, guardedSockets, REVOKED } from '../support/guarded-sockets';
import { KINDS } from './kinds';
import { SOCKET_SERVERS } from './socket-servers';

// What both users of src/guard/sockets.ts promise at the sign-in, each on a real server.
describe.each(SOCKET_SERVERS)('$name', (kind) => {
  const start = guardedSockets(kind.start);

  /** Starts a server, and a socket whose first check is under way until `answer` is called. */
  const startDuringCheck = async () => {
    const sockets = await start();
    const before = sockets.announcements.listeners;
    const token = newToken();
    const answer = sockets.guard.hold();
    const socket = await sockets.connectWith(token);
    await eventually(() => expect(sockets.guard.askedOf(token)).toBe(1));
    return { ...sockets, before, token, answer, socket };
  };

  test('a good token is accepted after one check', async () => {
    const { guard, signIn, otherSession } = await start();
    const token = newToken();
    otherSession(token.sub);
    await signIn(token);
    expect(guard.askedOf(token)).toBe(1);
  });

  test.each([
    ['TOKEN_REVOKED', 4403],
    ['TOKEN_INVALID', 4403],
    ['TOKEN_EXPIRED', 4401],
    ['SERVICE_UNAVAILABLE', 1013],
  ] as const)('%s closes the socket with %i', async (reason, code) => {
    const { guard, connectWith } = await start();
    guard.verdict = () => reason;
    expect(await endOfSignIn(await connectWith(newToken()))).toEqual({ code, reason });
  });

  test('the token is read from either spelling of the name', async () => {
    const { connect } = await start();
    const socket = await connect({ Authorization: `Bearer ${textOf(newToken())}` });
    await socket.receive('connection_ack');
  });

  test.each([
    ['no parameters', 'TOKEN_MISSING', () => undefined],
    ['null', 'TOKEN_MISSING', () => ({ authorization: null })],
    ['a token that is not a text', 'TOKEN_INVALID', () => ({ authorization: { Bearer: 1 } })],
    ['two tokens', 'TOKEN_INVALID', (good: string) => ({ authorization: good, Authorization: good })],
    [
      'a token beside something else',
      'TOKEN_INVALID',
      (good: string) => ({ authorization: 1, Authorization: good }),
    ],
  ])('%s: %s', async (_what, reason, payload) => {
    const { connect } = await start();
    const socket = await connect(payload(`Bearer ${textOf(newToken())}`));
    expect(await endOfSignIn(socket)).toEqual({ code: 4403, reason });
  });

  test.each(KINDS)(
    'a revocation (%s) that is announced during the check is not missed',
    async (_kind, of) => {
      const { guard, announce, token, answer, socket } = await startDuringCheck();
      // The guard knows it first, but this check read a store before.
      guard.verdict = () => 'TOKEN_REVOKED';
      announce(of(token));
      answer(true);
      expect(await endOfSignIn(socket)).toEqual(REVOKED);
    },
  );

  test('a revocation from before the process began that is announced during the check is not missed', async () => {
    const { guard, announce, token, answer, socket } = await startDuringCheck();
    guard.verdict = () => 'TOKEN_REVOKED';
    announce({ kind: 'TOKEN', userId: token.sub, tokenId: token.jti }, false);
    answer(true);
    expect(await endOfSignIn(socket)).toEqual(REVOKED);
  });

  test('revocations of others during the check cost one more check, and the socket is let in', async () => {
    const { guard, otherSession, token, answer, socket } = await startDuringCheck();
    guard.verdict = () => true;
    for (let i = 0; i < 10; i++) otherSession(randomUUID());
    answer(true);
    await socket.receive('connection_ack');
    expect(guard.askedOf(token)).toBe(2);
  });

  test('a socket that closes during the check leaves nothing behind', async () => {
    const { announcements, before, answer, socket } = await startDuringCheck();
    await socket.close();
    answer(true);
    await eventually(() => expect(announcements.listeners).toBe(before));
  });

  test('a check that fails unexpectedly closes the socket with 4500', async () => {
    const { guard, connectWith } = await start();
    guard.verdict = () => Promise.reject(new Error('a secret of the database'));
    const socket = await connectWith(newToken());
    expect(await endOfSignIn(socket)).toEqual({ code: 4500, reason: 'INTERNAL_SERVER_ERROR' });
  });
});
