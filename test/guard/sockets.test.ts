import { randomUUID } from 'node:crypto';
import { eventually } from '../support/eventually';
import { type FakeToken, newToken } from '../support/fake-guard';
import { EXPIRED, guardedSockets, REVOKED, settle } from '../support/guarded-sockets';
import { KINDS } from './kinds';
import { SOCKET_SERVERS } from './socket-servers';

// What both users of src/guard/sockets.ts promise of an open socket, each on a real server.
describe.each(SOCKET_SERVERS)('$name', (kind) => {
  const startServer = guardedSockets(kind.start);
  const start = async (options?: { patience: number }) => {
    const sockets = await startServer(options);
    const listen = async (token: FakeToken) => {
      const socket = await sockets.signIn(token);
      await sockets.server.listen(socket);
      return socket;
    };
    return { ...sockets, listen };
  };

  describe('a revocation', () => {
    test.each(KINDS)(
      '(%s) closes the sockets of its tokens at once, with no store',
      async (_kind, of, more) => {
        const { guard, listen, signIn, announce } = await start();
        const token = newToken();
        const other = newToken({ sub: token.sub, sid: randomUUID(), ...more });
        const [gone, also, stays] = [await listen(token), await signIn(token), await listen(other)];
        const asked = guard.askedOf(token);
        guard.verdict = ({ jti }) => (jti === other.jti ? true : new Promise(() => undefined));
        announce(of(token));
        expect([await gone.closed, await also.closed]).toEqual([REVOKED, REVOKED]);
        expect(gone.of('complete')).toEqual([]);
        await settle(stays);
        expect(stays.isOpen).toBe(true);
        // The one that stays shares the user.
        expect(guard.askedOf(token)).toBeLessThanOrEqual(asked + 2);
      },
    );

    test('that reaches a user has their other sockets judged again', async () => {
      const { guard, signIn, otherSession } = await start();
      const token = newToken();
      const socket = await signIn(token);
      guard.verdict = () => 'TOKEN_REVOKED';
      otherSession(token.sub);
      expect(await socket.closed).toEqual(REVOKED);
      expect(guard.askedOf(token)).toBe(2);
    });

    test('of one user costs the sockets of others no check', async () => {
      const { guard, signIn, otherSession } = await start();
      const [first, ...others] = Array.from({ length: 100 }, () => newToken());
      await Promise.all([first!, ...others].map((each) => signIn(each)));
      otherSession(first!.sub);
      await eventually(() => expect(guard.askedOf(first!)).toBe(2));
      expect(others.map((each) => guard.askedOf(each))).toEqual(others.map(() => 1));
    });

    test('of everyone closes every socket, however many', async () => {
      const { signIn, announce } = await start();
      const tokens = [newToken(), newToken(), newToken()];
      const crowd = await Promise.all(Array.from({ length: 450 }, (_, i) => signIn(tokens[i % 3]!)));
      const stays = await signIn(newToken({ globalVersion: 2 }));
      announce({ kind: 'EVERYONE', globalVersion: 2 });
      for (const socket of crowd) expect(await socket.closed).toEqual(REVOKED);
      await settle(stays);
    });

    test('from before the process began closes the sockets of its tokens, and has no other judged', async () => {
      const { guard, signIn, announce, otherSession } = await start();
      const [ended, stays] = [newToken(), newToken()];
      const [gone, other] = [await signIn(ended), await signIn(stays)];
      for (let i = 0; i < 30; i++) otherSession(stays.sub, false);
      announce({ kind: 'SESSION', userId: ended.sub, sessionId: ended.sid }, false);
      expect(await gone.closed).toEqual(REVOKED);
      await settle(other);
      expect(guard.askedOf(stays)).toBe(1);
    });

    test('is listened for while sockets are open, and no longer', async () => {
      const { announcements, listen, signIn, announce } = await start();
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
      const { guard, server, listen } = await start();
      const token = newToken();
      const socket = await listen(token);
      server.emit(token.sub);
      await eventually(() => expect(socket.events).toHaveLength(1));
      const asked = guard.askedOf(token);
      guard.verdict = () => 'TOKEN_REVOKED';
      server.emit(token.sub);
      expect(await socket.closed).toEqual(REVOKED);
      // A refusal is final: the guard is not asked again.
      expect(guard.askedOf(token)).toBe(asked + 1);
      expect(socket.events).toHaveLength(1);
      expect(socket.of('complete')).toEqual([]);
    });

    test('a check that no store can answer holds the event back until one can', async () => {
      const { guard, server, listen } = await start({ patience: 60_000 });
      const token = newToken();
      const socket = await listen(token);
      guard.verdict = () => 'SERVICE_UNAVAILABLE';
      server.emit(token.sub);
      await eventually(() => expect(guard.askedOf(token)).toBeGreaterThan(2));
      expect(socket.events).toEqual([]);
      guard.verdict = () => true;
      await eventually(() => expect(socket.events).toHaveLength(1));
      expect(socket.isOpen).toBe(true);
    });

    test('a check that no store can answer for long closes the socket with "try again later"', async () => {
      const { guard, server, listen } = await start({ patience: 100 });
      const token = newToken();
      const socket = await listen(token);
      guard.verdict = () => 'SERVICE_UNAVAILABLE';
      server.emit(token.sub);
      expect(await socket.closed).toEqual({ code: 1013, reason: 'SERVICE_UNAVAILABLE' });
      expect(socket.events).toEqual([]);
    });

    test('a check that fails unexpectedly closes the socket and tells the client nothing', async () => {
      const { guard, server, listen } = await start();
      const token = newToken();
      const socket = await listen(token);
      guard.verdict = () => Promise.reject(new Error('a secret of the database'));
      server.emit(token.sub);
      expect(await socket.closed).toEqual({ code: 4500, reason: 'INTERNAL_SERVER_ERROR' });
      expect(socket.events).toEqual([]);
      expect(JSON.stringify(socket.messages)).not.toContain('secret');
    });

    test('a revocation during the check closes the socket, whatever the check answers', async () => {
      const { guard, signIn, announce, otherSession } = await start();
      const token = newToken();
      const socket = await signIn(token);
      const asked = guard.askedOf(token);
      const answer = guard.hold();
      otherSession(token.sub);
      await eventually(() => expect(guard.askedOf(token)).toBe(asked + 1));
      announce({ kind: 'USER', userId: token.sub, tokenVersion: 2 });
      answer(true);
      expect(await socket.closed).toEqual(REVOKED);
    });
  });

  describe('the end of a token', () => {
    const inOneSecond = () => Math.floor(Date.now() / 1000) + 1;

    test('closes its sockets, though nothing happens on them', async () => {
      const { signIn } = await start();
      const socket = await signIn(newToken({ exp: inOneSecond() + 1 }));
      expect(await socket.closed).toEqual(EXPIRED);
    });

    test('does not wait for a check under way', async () => {
      const { guard, signIn, otherSession } = await start();
      const token = newToken({ exp: inOneSecond() + 1 });
      const socket = await signIn(token);
      guard.hold();
      otherSession(token.sub);
      expect(await socket.closed).toEqual(EXPIRED);
    });

    test('comes when the guard says so, which may allow for clocks that differ', async () => {
      const { guard, signIn } = await start();
      const token = newToken({ exp: inOneSecond() });
      guard.clockSkew = 2000;
      const socket = await signIn(token);
      await eventually(() => expect(Date.now()).toBeGreaterThan(token.exp * 1000 + 500));
      await settle(socket);
      expect(await socket.closed).toEqual(EXPIRED);
      expect(Date.now()).toBeGreaterThanOrEqual(token.exp * 1000 + 2000);
    });

    test('is not near for one that lives longer than a timer can run', async () => {
      const { guard, signIn } = await start();
      const token = newToken({ exp: inOneSecond() + 40 * 86_400 });
      const socket = await signIn(token);
      await settle(socket);
      expect(socket.isOpen).toBe(true);
      expect(guard.askedOf(token)).toBe(1);
    });
  });
});
