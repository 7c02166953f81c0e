import { randomUUID } from 'node:crypto';
import type { Revocation } from '../../src/core/revocation';
import { type Announcements, createAnnouncements } from '../../src/revocation/announcements';
import { eventually } from '../support/eventually';
import { FakeGuard, type FakeToken, logged, newToken, textOf } from '../support/fake-guard';
import { TestSocket } from '../support/socket';
import { SOCKET_SERVERS, type SocketServer } from './socket-servers';

// What both promise that use src/guard/sockets.ts, each on a real server.
describe.each(SOCKET_SERVERS)('$name', (kind) => {
  const PATH = { path: '/graphql' };
  const REVOKED = { code: 4403, reason: 'TOKEN_REVOKED' };
  let guard: FakeGuard;
  let announcements: Announcements;
  let server: SocketServer;
  let faults: string[];
  const open: TestSocket[] = [];

  const start = async (patience?: number) => {
    guard = new FakeGuard();
    faults = [];
    announcements = createAnnouncements({ error: (_details, message) => void faults.push(message) });
    server = await kind.start({ guard, announcements, patience });
  };
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.raw.terminate();
    await server.close();
    await eventually(() => expect(announcements.listeners).toBe(0));
    expect(faults).toEqual([]);
  });

  const connect = async (payload?: object) => {
    const socket = await TestSocket.open(server.url, PATH);
    open.push(socket);
    socket.send({ type: 'connection_init', payload });
    return socket;
  };
  const connectWith = (token: FakeToken) => connect({ authorization: `Bearer ${textOf(token)}` });
  const signIn = async (token: FakeToken) => {
    const socket = await connectWith(token);
    await socket.receive('connection_ack');
    return socket;
  };
  const listen = async (token: FakeToken) => {
    const socket = await signIn(token);
    await server.listen(socket);
    return socket;
  };
  const announce = (revocation: Revocation, isNew = true) =>
    announcements.announce(logged(revocation), isNew);
  const otherSession = (userId: string, isNew = true) =>
    announce({ kind: 'SESSION', userId, sessionId: randomUUID() }, isNew);
  const askedOf = (token: FakeToken) => guard.askedOf(token);
  /** A round trip: what the server has sent before has come. */
  /** A socket whose first check is under way until `answer` is called. */
  const connectDuringCheck = async () => {
    const token = newToken();
    const answer = guard.hold();
    const socket = await connectWith(token);
    await eventually(() => expect(askedOf(token)).toBe(1));
    return { token, answer, socket };
  };
  const settle = async (socket: TestSocket) => {
    const pongs = socket.of('pong').length;
    socket.send({ type: 'ping' });
    await eventually(() => expect(socket.of('pong').length).toBe(pongs + 1));
  };

  /** Each kind of revocation, and a token that it does not refuse. */
  const KINDS: [Revocation['kind'], (token: FakeToken) => Revocation, Partial<FakeToken>][] = [
    ['TOKEN', ({ sub, jti }) => ({ kind: 'TOKEN', userId: sub, tokenId: jti }), {}],
    ['SESSION', ({ sub, sid }) => ({ kind: 'SESSION', userId: sub, sessionId: sid }), {}],
    ['USER', ({ sub }) => ({ kind: 'USER', userId: sub, tokenVersion: 2 }), { tokenVersion: 2 }],
    ['EVERYONE', () => ({ kind: 'EVERYONE', globalVersion: 2 }), { globalVersion: 2 }],
    ['KEY', () => ({ kind: 'KEY', keyId: 'key' }), { keyId: 'another key' }],
  ];

  describe('at the sign-in', () => {
    test('a good token is accepted after one check', async () => {
      await start();
      const token = newToken();
      otherSession(token.sub);
      await signIn(token);
      expect(askedOf(token)).toBe(1);
    });

    test.each([
      ['TOKEN_REVOKED', 4403],
      ['TOKEN_INVALID', 4403],
      ['TOKEN_EXPIRED', 4401],
      ['SERVICE_UNAVAILABLE', 1013],
    ] as const)('%s closes the socket with %i', async (reason, code) => {
      await start();
      guard.verdict = () => reason;
      const socket = await connectWith(newToken());
      expect(await socket.closed).toEqual({ code, reason });
      expect(socket.messages).toEqual([]);
    });

    test('the token is read from either spelling of the name', async () => {
      await start();
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
      await start();
      const socket = await connect(payload(`Bearer ${textOf(newToken())}`));
      expect(await socket.closed).toEqual({ code: 4403, reason });
    });

    test.each(KINDS)(
      'a revocation (%s) that is announced during the check is not missed',
      async (_kind, of) => {
        await start();
        const token = newToken();
        const answer = guard.hold();
        const socket = await connectWith(token);
        await eventually(() => expect(askedOf(token)).toBe(1));
        // The guard knows it first, but this check read a store before.
        guard.verdict = () => 'TOKEN_REVOKED';
        announce(of(token));
        answer(true);
        expect(await socket.closed).toEqual(REVOKED);
        expect(socket.messages).toEqual([]);
      },
    );

    test('nor is one from before the process began', async () => {
      await start();
      const { token, answer, socket } = await connectDuringCheck();
      guard.verdict = () => 'TOKEN_REVOKED';
      announce({ kind: 'TOKEN', userId: token.sub, tokenId: token.jti }, false);
      answer(true);
      expect(await socket.closed).toEqual(REVOKED);
    });

    test('revocations of others during the check cost one more check, and the socket is let in', async () => {
      await start();
      const { token, answer, socket } = await connectDuringCheck();
      guard.verdict = () => true;
      for (let i = 0; i < 10; i++) otherSession(randomUUID());
      answer(true);
      await socket.receive('connection_ack');
      expect(askedOf(token)).toBe(2);
    });

    test('a socket that closes during the check leaves nothing behind', async () => {
      await start();
      const before = announcements.listeners;
      const { answer, socket } = await connectDuringCheck();
      await socket.close();
      answer(true);
      await eventually(() => expect(announcements.listeners).toBe(before));
    });

    test('a check that fails unexpectedly closes the socket with 4500', async () => {
      await start();
      guard.verdict = () => Promise.reject(new Error('a secret of the database'));
      const socket = await connectWith(newToken());
      expect(await socket.closed).toEqual({ code: 4500, reason: 'INTERNAL_SERVER_ERROR' });
      expect(socket.messages).toEqual([]);
    });
  });

  describe('a revocation', () => {
    test.each(KINDS)(
      '(%s) closes the sockets of its tokens at once, with no store',
      async (_kind, of, more) => {
        await start();
        const token = newToken();
        const other = newToken({ sub: token.sub, sid: randomUUID(), ...more });
        const [gone, also, stays] = [await listen(token), await signIn(token), await listen(other)];
        const asked = askedOf(token);
        guard.verdict = ({ jti }) => (jti === other.jti ? true : new Promise(() => undefined));
        announce(of(token));
        expect([await gone.closed, await also.closed]).toEqual([REVOKED, REVOKED]);
        expect(gone.of('complete')).toEqual([]);
        await settle(stays);
        expect(stays.isOpen).toBe(true);
        // The one that stays shares the user.
        expect(askedOf(token)).toBeLessThanOrEqual(asked + 2);
      },
    );

    test('that reaches a user has their other sockets judged again', async () => {
      await start();
      const token = newToken();
      const socket = await signIn(token);
      guard.verdict = () => 'TOKEN_REVOKED';
      otherSession(token.sub);
      expect(await socket.closed).toEqual(REVOKED);
      expect(askedOf(token)).toBe(2);
    });

    test('of one user costs the sockets of others no check', async () => {
      await start();
      const [first, ...others] = Array.from({ length: 100 }, () => newToken());
      await Promise.all([first!, ...others].map(signIn));
      otherSession(first!.sub);
      await eventually(() => expect(askedOf(first!)).toBe(2));
      expect(others.map(askedOf)).toEqual(others.map(() => 1));
    });

    test('of everyone closes every socket, however many', async () => {
      await start();
      const tokens = [newToken(), newToken(), newToken()];
      const crowd = await Promise.all(Array.from({ length: 450 }, (_, i) => signIn(tokens[i % 3]!)));
      const stays = await signIn(newToken({ globalVersion: 2 }));
      announce({ kind: 'EVERYONE', globalVersion: 2 });
      for (const socket of crowd) expect(await socket.closed).toEqual(REVOKED);
      await settle(stays);
    });

    test('from before the process began closes the sockets of its tokens, and has no other judged', async () => {
      await start();
      const [ended, stays] = [newToken(), newToken()];
      const [gone, other] = [await signIn(ended), await signIn(stays)];
      for (let i = 0; i < 30; i++) otherSession(stays.sub, false);
      announce({ kind: 'SESSION', userId: ended.sub, sessionId: ended.sid }, false);
      expect(await gone.closed).toEqual(REVOKED);
      await settle(other);
      expect(askedOf(stays)).toBe(1);
    });

    test('is listened for while sockets are open, and no longer', async () => {
      await start();
      const before = announcements.listeners;
      const [first, second] = [await listen(newToken()), await signIn(newToken())];
      expect(announcements.listeners).toBe(before + 1);
      await first.close();
      await settle(second);
      expect(announcements.listeners).toBe(before + 1);
      await second.close();
      await eventually(() => expect(announcements.listeners).toBe(before));
      const token = newToken();
      const late = await signIn(token);
      announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
      expect(await late.closed).toEqual(REVOKED);
      await eventually(() => expect(announcements.listeners).toBe(before));
    });
  });

  describe('before an event', () => {
    test('the token is judged, and an event on a revoked token is not sent', async () => {
      await start();
      const token = newToken();
      const socket = await listen(token);
      server.emit(token.sub);
      await eventually(() => expect(socket.events).toHaveLength(1));
      const asked = askedOf(token);
      guard.verdict = () => 'TOKEN_REVOKED';
      server.emit(token.sub);
      expect(await socket.closed).toEqual(REVOKED);
      // A refusal is final: the guard is not asked again.
      expect(askedOf(token)).toBe(asked + 1);
      expect(socket.events).toHaveLength(1);
      expect(socket.of('complete')).toEqual([]);
    });

    test('a check that no store can answer holds the event back until one can', async () => {
      await start(60_000);
      const token = newToken();
      const socket = await listen(token);
      guard.verdict = () => 'SERVICE_UNAVAILABLE';
      server.emit(token.sub);
      await eventually(() => expect(askedOf(token)).toBeGreaterThan(2));
      expect(socket.events).toEqual([]);
      guard.verdict = () => true;
      await eventually(() => expect(socket.events).toHaveLength(1));
      expect(socket.isOpen).toBe(true);
    });

    test('a check that no store can answer for long closes the socket with "try again later"', async () => {
      await start(100);
      const token = newToken();
      const socket = await listen(token);
      guard.verdict = () => 'SERVICE_UNAVAILABLE';
      server.emit(token.sub);
      expect(await socket.closed).toEqual({ code: 1013, reason: 'SERVICE_UNAVAILABLE' });
      expect(socket.events).toEqual([]);
    });

    test('a check that fails unexpectedly closes the socket and tells the client nothing', async () => {
      await start();
      const token = newToken();
      const socket = await listen(token);
      guard.verdict = () => Promise.reject(new Error('a secret of the database'));
      server.emit(token.sub);
      expect(await socket.closed).toEqual({ code: 4500, reason: 'INTERNAL_SERVER_ERROR' });
      expect(socket.events).toEqual([]);
      expect(JSON.stringify(socket.messages)).not.toContain('secret');
    });

    test('a revocation during the check closes the socket, whatever the check answers', async () => {
      await start();
      const token = newToken();
      const socket = await signIn(token);
      const asked = askedOf(token);
      const answer = guard.hold();
      otherSession(token.sub);
      await eventually(() => expect(askedOf(token)).toBe(asked + 1));
      announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
      answer(true);
      expect(await socket.closed).toEqual(REVOKED);
    });
  });

  describe('the end of a token', () => {
    const inOneSecond = () => Math.floor(Date.now() / 1000) + 1;

    test('closes its sockets, though nothing happens on them', async () => {
      await start();
      const socket = await signIn(newToken({ exp: inOneSecond() + 1 }));
      expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
    });

    test('does not wait for a check under way', async () => {
      await start();
      const token = newToken({ exp: inOneSecond() + 1 });
      const socket = await signIn(token);
      guard.hold();
      otherSession(token.sub);
      expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
    });

    test('comes when the guard says so, which may allow for clocks that differ', async () => {
      await start();
      const token = newToken({ exp: inOneSecond() });
      guard.clockSkew = 2000;
      const socket = await signIn(token);
      await eventually(() => expect(Date.now()).toBeGreaterThan(token.exp * 1000 + 500));
      await settle(socket);
      expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
      expect(Date.now()).toBeGreaterThanOrEqual(token.exp * 1000 + 2000);
    });

    test('is not near for one that lives longer than a timer can run', async () => {
      await start();
      const token = newToken({ exp: inOneSecond() + 40 * 86_400 });
      const socket = await signIn(token);
      await settle(socket);
      expect(socket.isOpen).toBe(true);
      expect(askedOf(token)).toBe(1);
    });
  });
});
