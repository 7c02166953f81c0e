import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import type { PartEntry } from '../../src/core/follow-messages';
import { FOLLOW_CLOSE_CODES, MOST_NAMES, textOfMessage } from '../../src/core/follow-messages';
import type { FollowerDrop, GrantAnswer } from '../../src/core/ports/metrics';
import type { LoggedRevocation } from '../../src/core/revocation';
import { readNodeMessage } from '../../src/core/read-follow-message';
import { createFollowersDoor, type FollowersDoor } from '../../src/followers/door';
import type { FollowerLimits } from '../../src/followers/limits';
import { startApp, type TestApp } from '../support/app';
import { eventually } from '../support/eventually';
import {
  bearer,
  type FakeFollowers,
  fakeFollowers,
  FOLLOW_OPTIONS,
  FOLLOW_SECRET,
  openFollower,
  START,
  tell,
} from '../support/followers';
import type { TestSocket } from '../support/socket';

let app: TestApp;
let door: FollowersDoor;
let followers: FakeFollowers;
let now = 0;
const warnings: string[] = [];
const grants: GrantAnswer[] = [];
const drops: FollowerDrop[] = [];
const open: TestSocket[] = [];

interface Given {
  readonly limits?: Partial<FollowerLimits>;
  readonly followersPerNode?: number;
  readonly secret?: string | null;
  readonly hasView?: boolean;
}

async function start({ limits, followersPerNode = 200, secret = FOLLOW_SECRET, hasView = true }: Given = {}) {
  followers = fakeFollowers();
  const silent = () => undefined;
  door = createFollowersDoor({
    followers: hasView ? followers : undefined,
    followersPerNode,
    shutdownDelay: 0,
    clock: { monotonic: () => now },
    logger: { debug: silent, info: silent, error: silent, warn: (_, text) => void warnings.push(text) },
    metrics: {
      granted: (answer) => void grants.push(answer),
      followerDropped: (why) => void drops.push(why),
    },
    limits: { movePatience: 0, ...limits },
  });
  app = await startApp({ door, introspectionSecret: secret ?? undefined, trustProxy: 1 });
}

afterEach(async () => {
  for (const socket of open.splice(0)) socket.raw.terminate();
  await app.close();
  for (const list of [warnings, grants, drops]) list.length = 0;
});

async function follow(address = '203.0.113.1') {
  const socket = await openFollower(app.url, { 'x-forwarded-for': address });
  open.push(socket);
  return socket;
}

/** Opens a connection and joins. */
async function join(address?: string) {
  const socket = await follow(address);
  tell(socket, { type: 'join' });
  await socket.receive('welcome');
  return { socket, fake: followers.joined.at(-1)! };
}

/** Joins, and gets the whole snapshot. */
async function load(address?: string) {
  const joined = await join(address);
  joined.fake.connection.begin(START);
  await joined.socket.receive('loaded');
  return joined;
}

const revocation = (number: number): LoggedRevocation => ({
  kind: 'SESSION',
  userId: 'a user',
  sessionId: `session ${number}`,
  id: `entry ${number}`,
  revokedAt: 1_700_000_000_000,
  expiresAt: 1_700_000_900_000,
});

function* names(count: number): Generator<PartEntry> {
  for (let i = 0; i < count; i++) yield ['T', `token ${String(i).padStart(30, '0')}`, 0, 1_800_000_000];
}

/** The answer to a refused handshake. */
async function refusal(options: { path?: string; protocol?: string; headers?: Record<string, string> } = {}) {
  const { path, protocol, headers } = { ...FOLLOW_OPTIONS, ...options };
  const raw = new WebSocket(`${app.url.replace('http', 'ws')}${path}`, protocol, { headers });
  raw.on('error', () => undefined);
  const [, response] = (await once(raw, 'unexpected-response')) as [unknown, any];
  let body = '';
  for await (const data of response) body += String(data);
  const { code, retryAfter } = JSON.parse(body).errors[0].extensions;
  return { status: response.statusCode, code, retryAfter, header: response.headers['retry-after'] };
}

describe('the handshake', () => {
  test('without the secret it is refused and recorded, and holds no place', async () => {
    await start({ followersPerNode: 1 });
    const answer = { status: 401, code: 'UNAUTHENTICATED' };
    expect(await refusal({ headers: {} })).toMatchObject(answer);
    for (const wrong of ['wrong', `${FOLLOW_SECRET}x`, FOLLOW_SECRET.slice(1), ''])
      expect(await refusal({ headers: bearer(wrong) })).toMatchObject(answer);
    expect(await refusal({ headers: { authorization: `Basic ${FOLLOW_SECRET}` } })).toMatchObject(answer);
    expect(door.open).toBe(0);
    expect(app.refusals.map(({ type, reason }) => [type, reason])).toEqual([
      ['INTROSPECTION_REFUSED', 'no secret was sent'],
      ...Array(5).fill(['INTROSPECTION_REFUSED', 'the secret is wrong']),
    ]);
    await follow();
  });

  test('without a secret in the settings, or with no place for followers, there is no such address', async () => {
    await start({ secret: null });
    expect(await refusal()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    await app.close();
    await start({ followersPerNode: 0 });
    expect(await refusal()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  test('a node without a view that can be followed says so', async () => {
    await start({ hasView: false });
    expect(await refusal()).toMatchObject({ status: 409, code: 'NO_VIEW' });
  });

  test('a full node refuses, warns once, and has room again when a follower has gone', async () => {
    await start({ followersPerNode: 2 });
    const first = await follow();
    await follow();
    const full = { status: 503, code: 'SERVICE_UNAVAILABLE', retryAfter: 5, header: '5' };
    expect(await refusal()).toEqual(full);
    expect(await refusal()).toEqual(full);
    expect(warnings).toEqual([expect.stringContaining('FOLLOWERS_PER_NODE')]);
    first.raw.terminate();
    await eventually(() => follow());
  });

  test('a failed handshake holds no place', async () => {
    await start({ followersPerNode: 1 });
    expect(await refusal({ protocol: 'tokenfence.follow.v0' })).toMatchObject({ status: 400 });
    const { hostname, port } = new URL(app.url);
    const connection = connect(Number(port), hostname);
    let text = '';
    connection.on('data', (data) => (text += data.toString()));
    connection.write(
      'GET /follow HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Authorization: Bearer ${FOLLOW_SECRET}\r\nSec-WebSocket-Protocol: ${FOLLOW_OPTIONS.protocol}\r\n\r\n`,
    );
    await once(connection, 'close');
    expect(text).toMatch(/^HTTP\/1.1 400 [^]*BAD_REQUEST/);
    expect(door.open).toBe(0);
    await follow();
  });

  test('a request that a proxy has taken the upgrade from is told so', async () => {
    await start();
    const answer = await fetch(`${app.url}/follow`, { headers: bearer(FOLLOW_SECRET) });
    expect([answer.status, answer.headers.get('upgrade')]).toEqual([426, 'websocket']);
    expect(await answer.text()).toContain('proxy');
  });
});

describe('a follower is cut off', () => {
  test('if it does not join in time', async () => {
    await start({ limits: { joinTimeout: 1 } });
    const socket = await follow();
    expect(await socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.NOT_JOINED });
    await eventually(() => expect(drops).toEqual(['NOT_JOINED']));
  });

  test.each<[string, string | Buffer]>([
    ['no JSON', 'join'],
    ['an unknown type', '{"type":"grant"}'],
    ['a message before it has joined', textOfMessage({ type: 'farewell' })],
    ['half of a place', '{"type":"join","epoch":"epoch"}'],
    ['a binary message', Buffer.from('{"type":"join"}')],
  ])('if it sends %s', async (_what, message) => {
    await start();
    const socket = await follow();
    socket.raw.send(message);
    expect(await socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.MALFORMED });
    expect(followers.joined).toEqual([]);
  });

  test('if it joins twice', async () => {
    await start();
    const { socket, fake } = await load();
    tell(socket, { type: 'join' });
    expect(await socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.MALFORMED });
    await eventually(() => expect(fake.told.at(-1)).toEqual(['lost']));
  });

  test('if a message is too large', async () => {
    await start();
    const socket = await follow();
    socket.send(`{"type":"join","more":"${'x'.repeat(1024)}"}`);
    expect(await socket.closed).toMatchObject({ code: 1009 });
    await eventually(() => expect(drops).toEqual(['MALFORMED']));
  });

  test('if it sends more than it was sent, and pings count', async () => {
    await start({ limits: { burst: 5 } });
    const { socket, fake } = await load();
    for (let i = 0; i < 20; i++) {
      fake.connection.send([revocation(i)], i + 8);
      tell(socket, { type: 'ack', joining: START.joining, position: i + 8 });
    }
    await eventually(() => expect(fake.told.filter(([name]) => name === 'ack')).toHaveLength(20));
    for (let i = 0; i < 20; i++) socket.raw.ping();
    expect(await socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.TOO_MANY_MESSAGES });
  });

  test('if nothing comes from it between two pings', async () => {
    await start({ limits: { pingInterval: 20 } });
    const { socket } = await load();
    (socket.raw as any)._receiver.removeAllListeners('ping');
    await socket.closed;
    await eventually(() => expect(drops).toEqual(['SILENT']));
  });
});

describe('a snapshot', () => {
  const idsIn = (socket: TestSocket) => [
    ...socket.of('part').flatMap((part: any) => part.entries.map(([, id]: PartEntry) => id)),
  ];

  test('comes in parts, and what happens meanwhile comes in between: nothing is missing', async () => {
    await start();
    followers.entries = names(10 * MOST_NAMES);
    const { socket, fake } = await join();
    fake.connection.begin(START);
    followers.sweptUntil = 99;
    let sent = 0;
    while (socket.of('loaded').length === 0) {
      fake.connection.send([revocation(sent)], 8 + sent++);
      await new Promise(setImmediate);
    }
    fake.connection.send([revocation(sent)], 8 + sent++);
    await eventually(() => expect(socket.of('entries')).toHaveLength(sent));
    expect(new Set(idsIn(socket)).size).toBe(10 * MOST_NAMES);
    const types = socket.messages.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(['welcome', 'begin']);
    expect(types.lastIndexOf('part')).toBeGreaterThan(types.indexOf('entries'));
    expect(types.indexOf('loaded')).toBeGreaterThan(types.lastIndexOf('part'));
    expect(socket.of('begin')).toEqual([
      { type: 'begin', ...START, way: 'snapshot', sweptUntil: 1, asOf: 2 },
    ]);
    expect(socket.of('loaded')).toEqual([
      { type: 'loaded', joining: START.joining, position: 7, sweptUntil: 99, asOf: 2 },
    ]);
    // The follower reads with the same strictness.
    for (const message of socket.messages) expect(readNodeMessage(JSON.stringify(message))).toEqual(message);
  });

  test('is left out for a follower that goes on: it gets what it missed', async () => {
    await start();
    const socket = await follow();
    tell(socket, { type: 'join', epoch: 'epoch', position: 3 });
    await socket.receive('welcome');
    const [fake] = followers.joined;
    expect(fake!.from).toEqual({ epoch: 'epoch', position: 3 });
    const missed = Array.from({ length: 2500 }, (_, i) => revocation(i));
    fake!.connection.begin({ ...START, position: 2503, missed });
    await socket.receive('loaded');
    expect(socket.of('begin')).toEqual([expect.objectContaining({ way: 'on', position: 2503 })]);
    // Only the last message says that everything has come.
    expect(socket.of('entries').map(({ position, entries }: any) => [position, entries.length])).toEqual([
      [3, 1000],
      [3, 1000],
      [2503, 500],
    ]);
  });

  test('ends when the node joins anew, and another one begins', async () => {
    await start();
    followers.entries = names(50 * MOST_NAMES);
    const { socket, fake } = await join();
    fake.connection.begin(START);
    await socket.receive('part');
    followers.entries = names(1);
    fake.connection.begin({ ...START, joining: 'second joining' });
    await socket.receive('loaded');
    expect(socket.of('part').length).toBeLessThan(50);
    expect(fake.told).toEqual([['loaded', 'second joining']]);
  });

  test('waits for a reader that does not read, with little in memory', async () => {
    await start({ limits: { partBytes: 64 * 1024 } });
    const [parts, id] = [300, 'x'.repeat(120)];
    let made = 0;
    followers.entries = (function* () {
      while (made < parts * MOST_NAMES) {
        made += 1;
        yield ['T', id, 0, 1_800_000_000] as PartEntry;
      }
    })();
    const { socket, fake } = await join();
    // Counted, not kept.
    socket.raw.removeAllListeners('message');
    let received = 0;
    socket.raw.on('message', (data: Buffer) => (received += data.toString().split(id).length - 1));
    const { _socket: connection } = socket.raw as any;
    connection.pause();
    fake.connection.begin(START);
    // The network holds a few MiB. Then no further part is made.
    let before = 0;
    await eventually(async () => {
      const last = before;
      before = made;
      for (let i = 0; i < 10; i++) await fetch(`${app.url}/healthz`);
      expect([last > 0, made]).toEqual([true, last]);
    });
    expect(made).toBeLessThan(parts * MOST_NAMES);
    connection.resume();
    await eventually(() => expect(received).toBe(parts * MOST_NAMES));
    await eventually(() => expect(fake.told).toEqual([['loaded', START.joining]]));
  });

  test('is given up if its reader is too slow, and the next in line gets its turn', async () => {
    await start({
      limits: { snapshots: 1, partBytes: 1024, snapshotTimeout: 50, snapshotTimeoutPerName: 0 },
    });
    followers.entries = names(1000 * MOST_NAMES);
    const slow = await join('203.0.113.1');
    (slow.socket.raw as any)._socket.pause();
    slow.fake.connection.begin(START);
    const next = await join('203.0.113.2');
    followers.entries = names(1);
    next.fake.connection.begin(START);
    await next.socket.receive('loaded');
    expect(drops).toEqual(['TOO_SLOW']);
    expect(slow.fake.told).toEqual([['lost']]);
  });

  test('is sent to so many at a time, and each address block has its turn', async () => {
    await start({ limits: { snapshots: 2, partBytes: 1024 } });
    let running = 0;
    let most = 0;
    const begun: string[] = [];
    let ends: (() => void)[] = [];
    const begin = async (address: string) => {
      const { socket, fake } = await join(address);
      const entries = {
        *[Symbol.iterator]() {
          begun.push(address);
          most = Math.max(most, ++running);
          const state = { isOver: false };
          ends.push(() => (state.isOver = true));
          let i = 0;
          while (!state.isOver) yield ['T', `token ${i++}`, 0, 1_800_000_000] as PartEntry;
          running -= 1;
        },
      };
      const own = fake.connection;
      followers.snapshot = () => entries;
      own.begin(START);
      return socket;
    };
    const line = ['203.0.113.1', '203.0.113.1', '203.0.113.1', '203.0.113.2', '203.0.113.1'];
    for (const address of line) await begin(address);
    for (let i = 0; i < line.length; i++) {
      await eventually(() => expect(ends.length).toBeGreaterThan(0));
      ends.shift()!();
    }
    await eventually(() => expect(running).toBe(0));
    expect(most).toBe(2);
    ends = [];
  });
});

describe('a loaded follower', () => {
  const beat = (number: number, position = 7) =>
    ({ type: 'beat', number, joining: START.joining, position }) as const;

  test('gets an answer to each heartbeat, and is heard', async () => {
    await start();
    const { socket, fake } = await load();
    tell(socket, beat(1));
    expect(await socket.receive('grant')).toEqual({
      ...{ type: 'grant', number: 1, joining: START.joining, grant: 900, tail: 7 },
      ...{ longestTokenTtl: 900, asOf: 2 },
    });
    tell(socket, { type: 'ack', joining: START.joining, position: 8 });
    fake.connection.takeBack(START.joining);
    expect(await socket.receive('take-back')).toEqual({ type: 'take-back', joining: START.joining });
    tell(socket, { type: 'returned', joining: START.joining });
    tell(socket, { type: 'farewell' });
    expect(await socket.closed).toMatchObject({ code: 1000 });
    expect(fake.told).toEqual([
      ['loaded', START.joining],
      ['beat', 1, START.joining, 7, true],
      ['ack', START.joining, 8],
      ['returned', START.joining],
      ['farewell'],
    ]);
    expect(grants).toEqual(['GRANTED']);
    await eventually(() => expect(door.open).toBe(0));
    expect(drops).toEqual([]);
  });

  test('that does not read is cut off, and its node hears that it is lost', async () => {
    const waitingBytes = 256 * 1024;
    await start({ limits: { waitingBytes } });
    const { socket, fake } = await load();
    (socket.raw as any)._socket.pause();
    const many = Array.from({ length: 1000 }, (_, i) => revocation(i));
    let position = 7;
    await eventually(() => {
      for (let i = 0; i < 10; i++) fake.connection.send(many, ++position);
      expect(fake.told.at(-1)).toEqual(['lost']);
    });
    expect(drops).toEqual(['TOO_SLOW']);
    await eventually(() => expect(door.open).toBe(0));
  });

  test('gets what all get as the same bytes', async () => {
    await start();
    const all = [await load(), await load(), await load()];
    const entries = [revocation(1)];
    const text = jest.spyOn(JSON, 'stringify');
    for (const { fake } of all) fake.connection.send(entries, 8);
    const written = text.mock.calls.filter(([value]: any) => value.type === 'entries').length;
    text.mockRestore();
    expect(written).toBe(1);
    for (const { socket } of all)
      expect(await socket.receive('entries')).toMatchObject({ entries, position: 8 });
  });
});

describe('followers that delay confirmations', () => {
  const beat = (socket: TestSocket, number: number) =>
    tell(socket, { type: 'beat', number, joining: START.joining, position: 7 });
  const answer = async (socket: TestSocket, number: number): Promise<any> => {
    beat(socket, number);
    return eventually(() => {
      const found = socket.of('grant').find((grant: any) => grant.number === number);
      if (!found) throw new Error('No answer yet.');
      return found;
    });
  };

  test('are banned with their address block at the third time in ten minutes, and nobody else', async () => {
    await start();
    const [one, other, far] = [await load('2001:db8:1:1::1'), await load('2001:db8:1:1::2'), await load()];
    one.fake.connection.ranOutOwing();
    other.fake.connection.ranOutOwing();
    one.fake.connection.ranOutOwing();
    expect((await answer(other.socket, 1)).grant).toBe(900);
    now += 9 * 60_000;
    one.fake.connection.ranOutOwing();
    expect((await answer(other.socket, 2)).grant).toBe(900);
    now += 2000;
    // Of a connection that was lost, too: what it was granted went on.
    other.socket.raw.terminate();
    await eventually(() => expect(other.fake.told.at(-1)).toEqual(['lost']));
    other.fake.connection.ranOutOwing();
    expect(warnings).toEqual([expect.stringContaining('have delayed')]);
    expect(await answer(one.socket, 3)).toMatchObject({ grant: 0, reason: 'BANNED' });
    const again = await load('2001:db8:1:1::3');
    expect(await answer(again.socket, 3)).toMatchObject({ grant: 0, reason: 'BANNED' });
    expect((await answer(far.socket, 3)).grant).toBe(900);
    // It is told everything all the same.
    one.fake.connection.send([revocation(1)], 8);
    await one.socket.receive('entries');
    now += 60_000;
    expect((await answer(one.socket, 4)).grant).toBe(900);
    expect(grants).toContain('BANNED');
  });

  test('are banned for acks that are late for too long', async () => {
    await start();
    const { socket, fake } = await load();
    for (let number = 1; number <= 3; number++) {
      expect((await answer(socket, number)).grant).toBe(900);
      fake.connection.send([revocation(number)], number + 7);
      now += 750;
      tell(socket, { type: 'ack', joining: START.joining, position: number + 7 });
      await eventually(() => expect(fake.told.at(-1)).toEqual(['ack', START.joining, number + 7]));
      now += 60_000;
    }
    expect(warnings).toHaveLength(1);
    now -= 59_000;
    expect(await answer(socket, 4)).toMatchObject({ grant: 0, reason: 'BANNED' });
  });
});

describe('a node that stops', () => {
  test('lets followers move, waits for what it granted, and closes only then', async () => {
    await start({ limits: { movePatience: 600_000 } });
    const [one, two] = [await load(), await load()];
    let hasTakenBack: () => void = () => undefined;
    followers.whenStopped = () => new Promise((resolve) => (hasTakenBack = resolve));
    const taking = jest.spyOn(followers, 'stop');
    door.leave();
    await one.socket.receive('leaving');
    await two.socket.receive('leaving');
    expect(await refusal()).toMatchObject({ status: 503, retryAfter: 5 });
    const state = { hasStopped: false };
    const stopped = door.stop().then(() => (state.hasStopped = true));
    tell(one.socket, { type: 'farewell' });
    expect(await one.socket.closed).toMatchObject({ code: 1000 });
    tell(two.socket, { type: 'beat', number: 1, joining: START.joining, position: 7 });
    await two.socket.receive('grant');
    expect(taking).not.toHaveBeenCalled();
    tell(two.socket, { type: 'farewell' });
    await two.socket.closed;
    await eventually(() => expect(taking).toHaveBeenCalled());
    expect(state.hasStopped).toBe(false);
    hasTakenBack();
    await stopped;
  });

  test('closes those that do not move, by itself some time after the announcement', async () => {
    await start();
    const { socket, fake } = await load();
    followers.whenStopped = () => {
      fake.connection.takeBack(START.joining);
      return Promise.resolve();
    };
    door.leave();
    expect(await socket.closed).toMatchObject({ code: FOLLOW_CLOSE_CODES.STOPPING });
    expect(socket.messages.slice(-2).map(({ type }) => type)).toEqual(['leaving', 'take-back']);
    await eventually(() => expect(drops).toEqual(['STOPPING']));
  });
});
