import { randomUUID } from 'node:crypto';
import { FOLLOW_PATH, FOLLOW_PROTOCOL, LARGEST_FROM_NODE } from '../../src/core/follow-messages';
import type { LearnedRevocation } from '../../src/core/revocation';
import { createBackoff } from '../../src/guard/follow/backoff';
import { Follower } from '../../src/guard/follow/follower';
import { Heartbeats } from '../../src/guard/follow/heartbeats';
import { createLearning } from '../../src/guard/learning';
import { openWebSocket } from '../../src/http-client/web-socket';
import { eventually } from '../support/eventually';
import { logged, newToken } from '../support/fake-guard';
import { DATABASE, type FakeNode, startFakeNode } from '../support/fake-node';
import { silent } from '../support/silent';

// Against a node that a test plays: it can be late, silent and wrong.
let node: FakeNode;
const open: Follower[] = [];
/** By both clocks, ms are added. */
const clock = { wall: 0, monotonic: 0, fails: false };
const announced: [LearnedRevocation, boolean][] = [];
const revokedKeys: string[] = [];
const warnings: string[] = [];
let databases = 0;

beforeEach(async () => {
  node = await startFakeNode();
  Object.assign(clock, { wall: 0, monotonic: 0, fails: false });
  for (const list of [announced, revokedKeys, warnings]) list.length = 0;
  databases = 0;
});
afterEach(async () => {
  for (const follower of open.splice(0)) await follower.close();
  await node.close();
});

function follow(viewLimit = 1000): Follower {
  const keys = { revoke: (id: string) => void revokedKeys.push(id), reload: () => Promise.resolve() };
  const headers = { authorization: 'Bearer a secret' };
  const target = { url: `${node.url}${FOLLOW_PATH}`, headers, protocol: FOLLOW_PROTOCOL };
  const follower = new Follower({
    connect: (listener) => openWebSocket({ ...target, longestMessage: LARGEST_FROM_NODE }, listener),
    learnInto: createLearning(keys, (...told) => void announced.push(told)),
    clock: {
      now: () => Date.now() + clock.wall,
      monotonic() {
        if (clock.fails) throw new Error('no time');
        return performance.now() + clock.monotonic;
      },
    },
    ...{ viewLimit, clockSkew: 0, onDatabase: () => (databases += 1) },
    logger: { ...silent, warn: (_details, message) => void warnings.push(message) },
  });
  open.push(follower);
  follower.open();
  return follower;
}

const tokenOf = (fields: object = {}, database = DATABASE) => {
  const { keyId, ...claims } = newToken(fields);
  return { claims, keyId: `${database}.${keyId}` };
};
const inAnHour = () => Math.ceil(Date.now() / 1000) + 3600;
const isCurrent = (follower: Follower) => eventually(() => expect(follower.isCurrent).toBe(true));
/** What was sent before has been handled: the follower answers in order. */
async function settle(index: number): Promise<void> {
  const link = await node.link(index);
  const before = link.of('returned').length;
  link.send({ type: 'take-back', joining: randomUUID() });
  await link.next('returned', before);
}

/** A follower that follows the first joining of the node, with a lease. */
async function following(parts: Parameters<FakeNode['links'][number]['load']>[1] = [], lease?: number) {
  const follower = follow();
  const link = await node.link(0);
  await link.load('j1', parts, 0, lease);
  await link.grantFirst();
  await isCurrent(follower);
  return { follower, link };
}

describe('a lease', () => {
  test('begins when the tail of its grant was applied, and not before', async () => {
    const follower = follow();
    const link = await node.link(0);
    await link.load('j1');
    const { sub } = newToken();
    await link.grantFirst({ tail: 1 });
    await settle(0);
    expect(follower.isCurrent).toBe(false);
    link.send({
      type: 'entries',
      entries: [logged({ kind: 'USER', userId: sub, tokenVersion: 2 })],
      position: 1,
    });
    expect(await link.next('ack')).toMatchObject({ joining: 'j1', position: 1 });
    expect(follower.isCurrent).toBe(true);
    expect(follower.find({ token: tokenOf({ sub }) })).toMatchObject({ from: 'view', tokenVersion: 2 });
  });

  test.each(['wall', 'monotonic'] as const)(
    'counts from before the heartbeat was sent, by the %s clock',
    async (name) => {
      const follower = follow();
      const link = await node.link(0);
      await link.load('j1');
      const beat = await link.next('beat');
      clock[name] += 900;
      link.grant(beat, { grant: 1000 });
      await isCurrent(follower);
      clock[name] += 100;
      expect(follower.isCurrent).toBe(false);
      expect(follower.find({ token: tokenOf() })).toMatchObject({ from: 'stale view' });
    },
  );

  test('is not from a heartbeat of an earlier joining of the node, nor of another number', async () => {
    const follower = follow();
    const link = await node.link(0);
    await link.load('j1', [], 5);
    const beat = await link.next('beat');
    link.begin('j2', 5);
    link.grant(beat);
    link.loaded('j2', 5);
    link.grant({ ...beat, joining: 'j2' });
    link.grant({ ...beat, joining: 'j2', number: 99 });
    await settle(0);
    expect(follower.isCurrent).toBe(false);
  });

  test('says nothing of tokens of another database, nor of such as live longer than any', async () => {
    const { follower } = await following();
    expect(follower.find({ token: tokenOf({}, randomUUID()) })).toBeUndefined();
    const { exp } = newToken();
    expect(follower.find({ token: tokenOf({ iat: exp - 901 }) })).toMatchObject({ from: 'stale view' });
    expect(follower.find({ token: tokenOf({ iat: exp - 900 }) })).toMatchObject({ from: 'view' });
  });

  test('is given up before the node hears so', async () => {
    const { follower, link } = await following();
    link.send({ type: 'take-back', joining: 'j1' });
    await link.next('returned');
    expect(follower.isCurrent).toBe(false);
  });

  test('goes on when the connection is lost, and the next one goes on from where the view stood', async () => {
    const { follower, link } = await following();
    link.send({ type: 'entries', entries: [], position: 7 });
    await link.next('ack');
    link.socket.terminate();
    const second = await node.link(1);
    expect(await second.next('join')).toEqual({ type: 'join', epoch: 'e1', position: 7 });
    expect(follower.isCurrent).toBe(true);
    clock.monotonic += 1000;
    expect(follower.isCurrent).toBe(false);
  });
});

describe('a follower that moves', () => {
  test('keeps its lease until the other node grants one, then says farewell', async () => {
    const { follower, link } = await following();
    link.send({ type: 'leaving' });
    const second = await node.link(1);
    // The same joining: the address may lead to the same node again.
    await second.load('j1');
    const beat = await second.next('beat');
    await settle(1);
    expect(link.of('farewell')).toEqual([]);
    expect(follower.isCurrent).toBe(true);
    second.grant(beat);
    await link.next('farewell');
    await link.closed;
    expect(follower.isCurrent).toBe(true);
  });

  test('has nothing left of the lease that it gave up, also when a clock is set back', async () => {
    const { follower, link } = await following();
    link.send({ type: 'leaving' });
    clock.wall += 5000;
    const second = await node.link(1);
    await second.load('j2');
    await link.next('farewell');
    clock.wall -= 5000;
    expect(follower.isCurrent).toBe(false);
  });

  test('leaves a node that does not answer, and none that does', async () => {
    const { link } = await following([], 100);
    const second = await node.link(1);
    await second.load('j2', [], 0, 100);
    await second.grantFirst({ grant: 100 });
    await link.next('farewell');
    for (let beats = 1; beats < 12; beats++) second.grant(await second.next('beat', beats), { grant: 100 });
    expect(node.links).toHaveLength(2);
  });

  test('has sent one heartbeat without an answer, if this process was suspended before', () => {
    let now = 0;
    const beats = new Heartbeats({ now: () => now, monotonic: () => 0 });
    beats.lease = 1000;
    const isSilentAfter = (pause: number) => {
      now += pause;
      beats.next();
      return beats.isSilent;
    };
    const answer = (number: number) =>
      beats.answered({
        type: 'grant',
        number,
        joining: 'j1',
        grant: 0,
        tail: 0,
        longestTokenTtl: 900,
        asOf: 0,
      });
    expect(Array.from({ length: 6 }, () => isSilentAfter(200))).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    answer(6);
    expect([isSilentAfter(200), isSilentAfter(1001)]).toEqual([false, false]);
    // From before the pause: it may have waited to be read.
    answer(7);
    expect(isSilentAfter(200)).toBe(true);
    answer(9);
    expect([beats.isSilent, isSilentAfter(200), isSilentAfter(200)]).toEqual([false, false, false]);
  });

  test('goes to no other database while its lease holds', async () => {
    const { follower, link } = await following();
    link.send({ type: 'leaving' });
    const second = await node.link(1);
    await second.next('join');
    second.welcome(1000, randomUUID());
    await second.closed;
    expect([follower.isCurrent, databases]).toEqual([true, 0]);
    clock.monotonic += 1000;
    const third = await node.link(2);
    const database = randomUUID();
    await third.next('join');
    third.welcome(1000, database);
    await link.next('farewell');
    third.begin('j3');
    third.loaded('j3');
    await third.grantFirst();
    await isCurrent(follower);
    expect(databases).toBe(1);
    expect(follower.find({ token: tokenOf() })).toBeUndefined();
    expect(follower.find({ token: tokenOf({}, database) })).toMatchObject({ from: 'view' });
  });
});

test('a node that stops is left at once, whatever it asks for', () => {
  const backoff = createBackoff(() => 1);
  const stopping = { status: 503, retryAfter: 5000 };
  expect(backoff.next(stopping)).toBe(5000);
  backoff.hurry();
  expect(Array.from({ length: 6 }, () => backoff.next(stopping))).toEqual([50, 100, 200, 400, 500, 500]);
  expect(backoff.next({ status: 409 })).toBe(30_000);
});

describe('what a node brings', () => {
  test('is added to the view, and announced once: keys are revoked before', async () => {
    const [session, other] = [randomUUID(), randomUUID()];
    const { link } = await following([
      ['S', session, 0, inAnHour()],
      ['K', 'k1', 0, inAnHour()],
    ]);
    const live = logged({ kind: 'TOKEN', userId: 'u1', tokenId: 't1' });
    link.send({ type: 'entries', entries: [live, live], position: 1 });
    link.begin('j2', 1);
    link.send({
      type: 'part',
      entries: [
        ['S', session, 0, inAnHour()],
        ['S', other, 0, inAnHour()],
        ['T', 't1', 0, inAnHour()],
      ],
    });
    link.loaded('j2', 1);
    await settle(0);
    expect(
      announced.map(([{ kind, id, ...more }, isNew]) => [
        kind,
        id,
        'sessionId' in more && more.sessionId,
        isNew,
      ]),
    ).toEqual([
      ['SESSION', undefined, session, false],
      ['KEY', undefined, false, false],
      ['TOKEN', live.id, false, true],
      // It was made while nothing was followed.
      ['SESSION', undefined, other, true],
    ]);
    expect(revokedKeys).toEqual(['k1']);
  });

  test('lacks what the node has forgotten, which the view then says', async () => {
    const follower = follow();
    const link = await node.link(0);
    await link.next('join');
    const token = tokenOf();
    const ended = token.claims.exp * 1000;
    link.welcome();
    link.begin('j1');
    link.loaded('j1', 0, { sweptUntil: ended });
    await link.grantFirst({ asOf: ended + 1 });
    await isCurrent(follower);
    expect(follower.find({ token })).toBeUndefined();
    expect(follower.find({ token: tokenOf({ exp: token.claims.exp + 10 }) })).toMatchObject({
      asOf: ended + 1,
    });
  });

  test.each<[string, (link: FakeNode['links'][number]) => void]>([
    ['is not JSON', ({ socket }) => socket.send('{')],
    ['is no message', ({ socket }) => socket.send('{"type":"obey"}')],
    ['is binary', ({ socket }) => socket.send(Buffer.from('{"type":"leaving"}'))],
    ['is too long', ({ socket }) => socket.send(' '.repeat(LARGEST_FROM_NODE + 1))],
    ['comes out of turn', (link) => link.welcome()],
  ])('ends the connection if it %s, and another one begins', async (_what, say) => {
    const { follower, link } = await following();
    say(link);
    await link.closed;
    expect((await (await node.link(1)).next('join')).position).toBe(0);
    expect(follower.isCurrent).toBe(true);
  });

  test('is never more than the view may hold: then the view is given up', async () => {
    const follower = follow(2);
    const link = await node.link(0);
    const names = ['a', 'b', 'c'].map((id) => ['T', id, 0, inAnHour()] as const);
    await link.load('j1', names.slice(0, 2));
    await link.grantFirst();
    await isCurrent(follower);
    link.send({ type: 'part', entries: names });
    await link.next('farewell');
    expect([follower.isCurrent, follower.size, follower.state]).toEqual([false, 0, 'overfull']);
    expect(warnings).toEqual([expect.stringMatching(/viewLimit/)]);
  });
});

test.each([
  [401, /refuses the secret/],
  [404, /INTROSPECTION_SECRET/],
  [409, /no view to follow/],
])('a refusal by %i is told once, and is final for a while', async (status, text) => {
  node.refuse(status);
  const follower = follow();
  await eventually(() => expect(follower.isRefused).toBe(true));
  expect(warnings).toEqual([expect.stringMatching(text)]);
  expect(node.headers).toMatchObject({
    authorization: 'Bearer a secret',
    'sec-websocket-protocol': FOLLOW_PROTOCOL,
  });
});

test('a follower that is closed has given up its view before its farewell', async () => {
  const { follower, link } = await following();
  await follower.close();
  expect([follower.isCurrent, follower.state]).toEqual([false, 'closed']);
  await link.next('farewell');
  await link.closed;
  expect(node.links).toHaveLength(1);
});

test('a clock that fails ends connections, and not the process', async () => {
  const { follower, link } = await following();
  clock.fails = true;
  link.send({ type: 'leaving' });
  await link.closed;
  const second = await node.link(1);
  clock.fails = false;
  await second.load('j2');
  await second.grantFirst();
  await isCurrent(follower);
});
