import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Revocation } from '../../src/core/revocation';
import { type Announcements, createAnnouncements } from '../../src/revocation/announcements';
import { eventually } from './eventually';
import { FakeGuard, type FakeToken, logged, textOf } from './fake-guard';
import { type Close, type Message, TestSocket } from './socket';

export const REVOKED = { code: 4403, reason: 'TOKEN_REVOKED' };
export const EXPIRED = { code: 4401, reason: 'TOKEN_EXPIRED' };

interface Server {
  readonly url: string;
  close(): Promise<unknown>;
}

interface GuardedBy {
  readonly guard: FakeGuard;
  readonly announcements: Announcements;
}

/**
 * Returns a function that starts a server whose tokens a `FakeGuard` judges, with what a test needs to use it. After
 * each test its sockets and its server are closed, and no listener may be left.
 */
export function guardedSockets<Options, Started extends Server>(
  startServer: (options: GuardedBy & Partial<Options>) => Promise<Started>,
  now?: () => number,
) {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  return async (options: Partial<Options> = {}) => {
    const guard = new FakeGuard(now);
    const faults: string[] = [];
    const announcements = createAnnouncements({ error: (_details, message) => void faults.push(message) });
    const server = await startServer({ ...options, guard, announcements });
    const open: TestSocket[] = [];
    closing.push(async () => {
      for (const socket of open) socket.raw.terminate();
      await server.close();
      await eventually(() => expect(announcements.listeners).toBe(0));
      expect(faults).toEqual([]);
    });

    const openSocket = async () => {
      const socket = await TestSocket.open(server.url);
      open.push(socket);
      return socket;
    };
    /** Opens a socket and asks to sign in. */
    const connect = async (payload?: object) => {
      const socket = await openSocket();
      socket.send({ type: 'connection_init', payload });
      return socket;
    };
    const connectWith = (token: FakeToken) => connect({ authorization: `Bearer ${textOf(token)}` });
    const signIn = async (token: FakeToken, subscription?: string) => {
      const socket = await connectWith(token);
      await socket.receive('connection_ack');
      if (subscription !== undefined) await socket.listen(subscription);
      return socket;
    };
    /** @param isNew false as when the log is read from its start */
    const announce = (revocation: Revocation, isNew = true) =>
      announcements.announce(logged(revocation), isNew);
    const otherSession = (userId: string, isNew = true) =>
      announce({ kind: 'SESSION', userId, sessionId: randomUUID() }, isNew);
    return { guard, announcements, server, openSocket, connect, connectWith, signIn, announce, otherSession };
  };
}

/** How a sign-in ends: with the close of the socket, or with the first message to it. */
export const endOfSignIn = (socket: TestSocket): Promise<Close | Message | undefined> =>
  Promise.race([socket.closed, once(socket.raw, 'message').then(() => socket.messages[0])]);

/** A round trip: what the server has sent before has come. */
export async function settle(socket: TestSocket): Promise<void> {
  const pongs = socket.of('pong').length;
  socket.send({ type: 'ping' });
  await eventually(() => expect(socket.of('pong').length).toBe(pongs + 1));
}
