import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Actions } from '../../src/actions/actions';
import type { NewAuditEvent } from '../../src/core/account';
import type { AccessTokenClaims } from '../../src/core/claims';
import { serviceUnavailable } from '../../src/core/errors';
import type { LoggedRevocation, Revocation } from '../../src/core/revocation';
import { createSchema } from '../../src/graphql/schema';
import type { AuthResult, Guard } from '../../src/guard/guard';
import { type Announcements, createAnnouncements } from '../../src/revocation/announcements';
import { REMEMBERED } from '../../src/sockets/recent';
import { createSockets, type Sockets, type SocketsOptions } from '../../src/sockets/sockets';
import { eventually } from '../support/eventually';
import { TestSocket } from '../support/socket';

const SESSION_ENDED = 'subscription { sessionEnded { sessionId scope current } }';
const REVOCATIONS = 'subscription { revocations { kind userId } }';
const REVOKED = { code: 4403, reason: 'TOKEN_REVOKED' };

/** A guard whose answers a test decides; a token is its claims. */
class TestGuard implements Guard {
  /** How often each user's token was judged. */
  readonly asked = new Map<string, number>();
  verdict: (
    claims: AccessTokenClaims,
  ) => AuthResult['ok'] | Promise<boolean> | 'TOKEN_REVOKED' | 'SERVICE_UNAVAILABLE' = () => true;

  async authenticate(authorization: string | undefined): Promise<AuthResult> {
    const claims = JSON.parse(
      Buffer.from((authorization ?? '').slice('Bearer '.length), 'base64url').toString(),
    ) as AccessTokenClaims;
    this.asked.set(claims.sub, (this.asked.get(claims.sub) ?? 0) + 1);
    const verdict = await this.verdict(claims);
    if (verdict !== true) return { ok: false, code: verdict === false ? 'TOKEN_REVOKED' : verdict };
    const { sub: userId, sid: sessionId, jti: tokenId, role } = claims;
    return { ok: true, principal: { userId, sessionId, tokenId, role, claims, keyId: 'key' } };
  }
}

let guard: TestGuard;
let announcements: Announcements;
let now: number;
let server: Server | undefined;
let sockets: Sockets;
let closed: string[];
let faults: string[];
let refusals: NewAuditEvent[];
const open: TestSocket[] = [];
/** The server's ends of the sockets. */
const accepted: WebSocket[] = [];

const start = async (limits: SocketsOptions['limits'] = {}) => {
  guard = new TestGuard();
  announcements = createAnnouncements({ error: (_details, message) => void faults.push(message) });
  now = Date.now();
  closed = [];
  faults = [];
  refusals = [];
  const silent = () => undefined;
  sockets = createSockets({
    schema: createSchema({} as Actions),
    production: false,
    guard,
    recordRefusal: (event) => void refusals.push(event),
    announcements,
    clock: { now: () => now, monotonic: () => now },
    clockSkew: 0,
    logger: {
      debug: silent,
      info: silent,
      warn: silent,
      error: (_details, message) => void faults.push(message),
    },
    observer: { closed: (cause) => void closed.push(cause) },
    limits,
  });
  server = createServer();
  const upgrades = new WebSocketServer({ ...sockets.serverOptions, noServer: true });
  server.on('upgrade', (request, connection, head) =>
    upgrades.handleUpgrade(request, connection, head, (socket) => {
      accepted.push(socket);
      sockets.accept(socket, 'an-id', { ipAddress: '127.0.0.1', userAgent: undefined });
    }),
  );
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
};
const url = () => `http://127.0.0.1:${(server?.address() as AddressInfo).port}`;

afterEach(async () => {
  for (const socket of open.splice(0)) socket.raw.terminate();
  accepted.length = 0;
  await sockets.stop();
  await new Promise((resolve) => server?.close(resolve));
  expect(announcements.listeners).toBe(0);
});

const claimsOf = (more: Partial<AccessTokenClaims> = {}): AccessTokenClaims => ({
  iss: 'test',
  sub: randomUUID(),
  aud: 'test',
  client_id: 'test',
  iat: Math.floor(now / 1000),
  exp: Math.floor(now / 1000) + 900,
  jti: randomUUID(),
  sid: randomUUID(),
  role: 'USER',
  tokenVersion: 1,
  globalVersion: 1,
  ...more,
});
const tokenOf = (claims: AccessTokenClaims) => Buffer.from(JSON.stringify(claims)).toString('base64url');

const openSocket = async () => {
  const socket = await TestSocket.open(url());
  open.push(socket);
  return socket;
};
const signIn = async (claims: AccessTokenClaims, query?: string) => {
  const socket = await TestSocket.signIn(url(), tokenOf(claims));
  open.push(socket);
  if (query !== undefined) await socket.listen(query);
  return socket;
};

let lastId = 0;
const logged = (revocation: Revocation): LoggedRevocation => ({
  ...revocation,
  id: `${++lastId}`,
  revokedAt: now,
  expiresAt: now + 900_000,
});
const announce = (revocation: Revocation) => announcements.announce(logged(revocation), true);
/** As at a start, when the whole log is read. */
const announceOld = (revocation: Revocation) => announcements.announce(logged(revocation), false);
const otherSession = (userId: string) => announce({ kind: 'SESSION', userId, sessionId: randomUUID() });
const askedOf = ({ sub }: AccessTokenClaims) => guard.asked.get(sub) ?? 0;

test('of what a socket sends at once, one message is served a turn', async () => {
  await start();
  const socket = await signIn(claimsOf());
  let turn = 0;
  let counting = setImmediate(function count() {
    turn += 1;
    counting = setImmediate(count);
  });
  const served = new Map<number, number>();
  accepted[0]?.on('message', () => served.set(turn, (served.get(turn) ?? 0) + 1));
  // In one write.
  const { _socket: connection } = socket.raw as unknown as { _socket: Socket };
  connection.cork();
  for (let i = 0; i < 50; i++) socket.subscribe('subscription { nothing }', `${i}`);
  connection.uncork();
  await eventually(() => expect(socket.of('error')).toHaveLength(50));
  clearImmediate(counting);
  expect(Math.max(...served.values())).toBeLessThanOrEqual(2);
});

describe('the check', () => {
  test('is made before every event, and an event on a token found revoked is not sent', async () => {
    await start();
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    otherSession(claims.sub);
    await eventually(() => expect(socket.events).toHaveLength(1));
    const asked = askedOf(claims);
    guard.verdict = () => 'TOKEN_REVOKED';
    otherSession(claims.sub);
    expect(await socket.closed).toEqual(REVOKED);
    // That is an answer: there is no asking again.
    expect(askedOf(claims)).toBe(asked + 1);
    expect(socket.events).toHaveLength(1);
    expect(socket.of('complete')).toEqual([]);
  });

  test('that no store can answer holds the event back, and it is sent when one can', async () => {
    await start({ checkInterval: 10, checkAttempts: 1000 });
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    guard.verdict = () => 'SERVICE_UNAVAILABLE';
    otherSession(claims.sub);
    await eventually(() => expect(askedOf(claims)).toBeGreaterThan(4));
    expect(socket.events).toEqual([]);
    guard.verdict = () => true;
    await eventually(() => expect(socket.events).toHaveLength(1));
    expect(socket.isOpen).toBe(true);
  });

  test('that no store can answer for long closes the socket, whose client is to try again', async () => {
    await start({ checkInterval: 5, checkAttempts: 3 });
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    guard.verdict = () => 'SERVICE_UNAVAILABLE';
    otherSession(claims.sub);
    expect(await socket.closed).toEqual({ code: 1013, reason: 'SERVICE_UNAVAILABLE' });
    expect(socket.events).toEqual([]);
    await eventually(() => expect(closed).toEqual(['SERVICE_UNAVAILABLE']));
  });

  test('that fails unexpectedly closes the socket, tells its client nothing and the log', async () => {
    await start();
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    guard.verdict = () => Promise.reject(new Error('a secret of the database'));
    otherSession(claims.sub);
    expect(await socket.closed).toEqual({ code: 4500, reason: 'INTERNAL_SERVER_ERROR' });
    const other = await openSocket();
    other.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOf(claims)}` } });
    expect(await other.closed).toEqual({ code: 4500, reason: 'INTERNAL_SERVER_ERROR' });
    expect(faults).toHaveLength(2);
  });

  test('is not waited for where the revocation names the token: the last event goes out with the stores away', async () => {
    await start();
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    guard.verdict = () => {
      throw serviceUnavailable();
    };
    announce({ kind: 'SESSION', userId: claims.sub, sessionId: claims.sid });
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.events).toEqual([
      { sessionEnded: { sessionId: claims.sid, scope: 'SESSION', current: true } },
    ]);
  });

  test('under way when the token is revoked sends nothing but the last event', async () => {
    await start();
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    let answer: (isGood: boolean) => void = () => undefined;
    guard.verdict = () => new Promise((resolve) => (answer = resolve));
    otherSession(claims.sub);
    await eventually(() => expect(askedOf(claims)).toBe(2));
    announce({ kind: 'USER', userId: claims.sub, tokenVersion: 2 });
    answer(true);
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.events).toEqual([{ sessionEnded: { sessionId: null, scope: 'USER', current: true } }]);
  });

  test('at the sign-in may be overtaken by the revocation, which closes the socket all the same', async () => {
    await start();
    const claims = claimsOf();
    let answer: (isGood: boolean) => void = () => undefined;
    guard.verdict = () => new Promise((resolve) => (answer = resolve));
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOf(claims)}` } });
    await eventually(() => expect(askedOf(claims)).toBe(1));
    announce({ kind: 'EVERYONE', globalVersion: 2 });
    answer(true);
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.messages).toEqual([]);
  });

  test('at a sign-in just after the revocation may read an old copy, and the socket is closed all the same', async () => {
    await start();
    const claims = claimsOf();
    announce({ kind: 'TOKEN', userId: claims.sub, tokenId: claims.jti });
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOf(claims)}` } });
    expect(await socket.closed).toEqual(REVOKED);
  });
});

describe('a revocation of before the process began', () => {
  test('closes the sockets that it refuses, and is an event for nobody, however many there are', async () => {
    await start({ waitingEvents: 20 });
    const [ended, stays] = [claimsOf(), claimsOf()];
    const gone = await signIn(ended, SESSION_ENDED);
    const other = await signIn(stays, SESSION_ENDED);
    const admin = await signIn(claimsOf({ role: 'ADMIN' }), REVOCATIONS);
    for (let i = 0; i < 30; i++) announceOld({ kind: 'SESSION', userId: stays.sub, sessionId: randomUUID() });
    announceOld({ kind: 'SESSION', userId: ended.sub, sessionId: ended.sid });
    expect(await gone.closed).toEqual(REVOKED);
    expect(askedOf(stays)).toBe(1);
    otherSession(stays.sub);
    await eventually(() => expect([other.events, admin.events].map(({ length }) => length)).toEqual([1, 1]));
    expect(admin.events).toEqual([{ revocations: { kind: 'SESSION', userId: stays.sub } }]);
  });

  test('is not held against who joins: their token is judged once more, for as long as a check may take', async () => {
    await start();
    const [early, late, last] = [claimsOf(), claimsOf(), claimsOf()];
    for (const { sub, jti } of [early, late, last]) announceOld({ kind: 'TOKEN', userId: sub, tokenId: jti });
    await signIn(early, SESSION_ENDED);
    await eventually(() => expect(askedOf(early)).toBe(2));
    guard.verdict = ({ jti }) => (askedOf(late) === 2 && jti === late.jti ? 'TOKEN_REVOKED' : true);
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOf(late)}` } });
    expect(await socket.closed).toEqual(REVOKED);
    now += REMEMBERED;
    await signIn(last, SESSION_ENDED);
    expect(askedOf(last)).toBe(1);
  });
});

test('a revocation of one user costs the sockets of others no check', async () => {
  await start();
  const crowd = await Promise.all(
    Array.from({ length: 100 }, () => claimsOf()).map(async (claims) => {
      await signIn(claims, SESSION_ENDED);
      return claims;
    }),
  );
  const [first] = crowd;
  otherSession(first!.sub);
  await eventually(() => expect(askedOf(first!)).toBeGreaterThan(1));
  expect(crowd.slice(1).map(askedOf)).toEqual(crowd.slice(1).map(() => 1));
});

test('a revocation of everyone closes every socket, however many', async () => {
  await start();
  const crowd = await Promise.all(Array.from({ length: 450 }, async () => signIn(claimsOf(), SESSION_ENDED)));
  const witness = await signIn(claimsOf({ role: 'ADMIN', globalVersion: 2 }), REVOCATIONS);
  announce({ kind: 'EVERYONE', globalVersion: 2 });
  for (const socket of crowd) {
    expect(await socket.closed).toEqual(REVOKED);
    expect(socket.events).toHaveLength(1);
  }
  await eventually(() => expect(closed).toHaveLength(450));
  await witness.receive('next');
  expect(sockets.open).toBe(1);
});

test('a user has a limit of sockets: one more is closed, those that are open stay, and one that goes makes room', async () => {
  await start({ ofUser: 2 });
  const claims = claimsOf();
  const [first] = [await signIn(claims), await signIn(claims)];
  const refused = async () => {
    const socket = await openSocket();
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${tokenOf(claims)}` } });
    expect(await socket.closed).toEqual({ code: 1013, reason: 'TOO_MANY_SOCKETS' });
    expect(socket.messages).toEqual([]);
  };
  await refused();
  await eventually(() => expect(closed).toEqual(['TOO_MANY_SOCKETS']));
  expect(refusals).toEqual([
    expect.objectContaining({
      type: 'RATE_LIMIT_REACHED',
      userId: claims.sub,
      sessionId: claims.sid,
      reason: 'sockets-by-user',
    }),
  ]);
  await signIn(claimsOf());
  await first.close();
  await eventually(() => expect(closed).toHaveLength(2));
  await signIn(claims);
  await refused();
});

test('an administrator whose own token is ended is told of nothing after that', async () => {
  await start();
  const claims = claimsOf({ role: 'ADMIN' });
  const socket = await signIn(claims, REVOCATIONS);
  announce({ kind: 'USER', userId: claims.sub, tokenVersion: 2 });
  announce({ kind: 'USER', userId: randomUUID(), tokenVersion: 2 });
  expect(await socket.closed).toEqual(REVOKED);
  expect(socket.events).toEqual([]);
});

test('a subscription that was ended is told nothing more', async () => {
  await start();
  const claims = claimsOf();
  const socket = await signIn(claims, SESSION_ENDED);
  await socket.listen(SESSION_ENDED, '2');
  socket.send({ type: 'complete', id: '1' });
  await socket.listen('subscription { sessionEnded { scope } }', '3');
  otherSession(claims.sub);
  await eventually(() =>
    expect(
      socket
        .of('next')
        .map(({ id }) => id)
        .sort(),
    ).toEqual(['2', '3']),
  );
});

test('a token that runs out closes its sockets, though nothing happens on them', async () => {
  await start();
  const exp = Math.floor(now / 1000) + 1;
  const socket = await signIn(claimsOf({ exp }), SESSION_ENDED);
  // Real timers: this one rings within the second, and then looks at the clock.
  now = exp * 1000;
  expect(await socket.closed).toEqual({ code: 4401, reason: 'TOKEN_EXPIRED' });
  await eventually(() => expect(closed).toEqual(['TOKEN_EXPIRED']));
});

test('a token that lives longer than a timer can be set does not expire at once', async () => {
  await start();
  const socket = await signIn(claimsOf({ exp: Math.floor(now / 1000) + 40 * 86_400 }), SESSION_ENDED);
  await socket.listen(SESSION_ENDED, '2');
  expect(socket.isOpen).toBe(true);
});

describe('a bad client', () => {
  test('that does not sign in is closed', async () => {
    await start({ initTimeout: 20 });
    const socket = await openSocket();
    expect((await socket.closed).code).toBe(4408);
    await eventually(() => expect(closed).toEqual(['PROTOCOL']));
  });

  test('that answers no ping is dropped, and one that does stays', async () => {
    await start({ pingInterval: 50 });
    const dead = await openSocket();
    const well = await openSocket();
    let pings = 0;
    well.raw.on('ping', () => pings++);
    dead.raw.pause();
    await eventually(() => expect(closed).toEqual(['DEAD']));
    await eventually(() => expect(pings).toBeGreaterThan(3));
    expect(well.isOpen).toBe(true);
    expect(sockets.open).toBe(1);
  });

  test('that does not read its events is closed when too many wait', async () => {
    await start({ waitingEvents: 20, closeTimeout: 50 });
    const claims = claimsOf({ role: 'ADMIN' });
    // The check takes so long that the events pile up.
    const socket = await signIn(claims, REVOCATIONS);
    guard.verdict = () => new Promise(() => undefined);
    for (let i = 0; i < 30; i++) otherSession(randomUUID());
    expect(await socket.closed).toEqual({ code: 1013, reason: 'TOO_SLOW' });
    await eventually(() => expect(closed).toEqual(['TOO_SLOW']));
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
  ])('that asks and asks and does not read %s does not make memory grow without end', async (_name, ask) => {
    await start({ bufferedBytes: 4096, waitingEvents: 200, closeTimeout: 50, messages: Infinity });
    const socket = await signIn(claimsOf({ role: 'ADMIN' }), REVOCATIONS);
    socket.raw.pause();
    await eventually(() => {
      for (let i = 0; i < 200 && socket.raw.bufferedAmount < 1_000_000; i++) ask(socket);
      expect(closed).toEqual(['TOO_SLOW']);
    });
    expect(sockets.open).toBe(0);
  });

  test.each([
    ['messages', (socket: TestSocket) => socket.send({ type: 'ping' })],
    ['pings of its frames', (socket: TestSocket) => socket.raw.ping()],
    ['answers to pings that were not sent', (socket: TestSocket) => socket.raw.pong()],
  ])('that sends too many %s within a minute is closed, and each minute begins anew', async (_name, send) => {
    await start({ messages: 30 });
    // The sign-in is one message, and each subscription two.
    const socket = await signIn(claimsOf(), SESSION_ENDED);
    // A few are left for answers to the server's own pings.
    for (let i = 0; i < 20; i++) send(socket);
    await socket.listen(SESSION_ENDED, '2');
    now += 60_000;
    for (let i = 0; i < 20; i++) send(socket);
    await socket.listen(SESSION_ENDED, '3');
    expect(socket.isOpen).toBe(true);
    for (let i = 0; i < 20; i++) send(socket);
    expect(await socket.closed).toEqual({ code: 1008, reason: 'TOO_MANY_MESSAGES' });
    await eventually(() => expect(closed).toEqual(['TOO_MANY_MESSAGES']));
  });

  test('that does not answer the close is cut off', async () => {
    await start({ closeTimeout: 50, lastEventPatience: 20 });
    const claims = claimsOf();
    const socket = await signIn(claims, SESSION_ENDED);
    socket.raw.pause();
    announce({ kind: 'USER', userId: claims.sub, tokenVersion: 2 });
    await eventually(() => expect(closed).toEqual(['TOKEN_REVOKED']));
    expect(sockets.open).toBe(0);
  });
});
