import { Redis } from 'ioredis';
import type { VerifiedToken } from '../../src/core/claims';
import { serviceUnavailable } from '../../src/core/errors';
import type { LogStream } from '../../src/core/ports/log-stream';
import type { LoggedRevocation } from '../../src/core/revocation';
import type { FollowerConnection, Start } from '../../src/protocol/followers';
import { eventually } from '../support/eventually';
import {
  FakeLog,
  logged,
  lookUp,
  NAMES,
  type ProtocolNode,
  type ProtocolNodeOptions,
  startProtocolNode,
} from '../support/protocol-node';
import { startRedis, type TestServer } from '../support/servers';

// Followers of real nodes on a real Redis. A lease is long where a confirmation must not be the slow one.
const LONG = 5000;

let redis: TestServer;
let direct: Redis;
let log: FakeLog;
const nodes: ProtocolNode[] = [];

beforeAll(async () => {
  redis = await startRedis();
  direct = new Redis(redis.url);
});
beforeEach(async () => {
  await direct.flushall();
  log = new FakeLog();
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});
afterAll(async () => {
  direct.disconnect();
  await redis.dispose();
});

const ended = (sessionId: string): LoggedRevocation => {
  const entry = logged({ kind: 'SESSION', userId: 'U', sessionId });
  log.committed.push(entry);
  return entry;
};

const saysDenied = (node: ProtocolNode, sid: string) => {
  const claims = { sub: 'U', jti: 'T', sid, iat: 0, exp: 900 };
  return lookUp(node.source, { keyId: 'K', claims } as VerifiedToken)?.denied;
};

async function newNode(options: Partial<ProtocolNodeOptions> = {}): Promise<ProtocolNode> {
  const node = await startProtocolNode({ redisUrl: redis.url, log, lease: LONG, ...options });
  nodes.push(node);
  await eventually(() => expect(node.source.state.isCurrent).toBe(true));
  return node;
}

/** Joins a node, loads at once, and acknowledges what it is sent unless it is stuck. */
function join({ followers }: ProtocolNode) {
  const own = {
    starts: [] as Start[],
    got: [] as LoggedRevocation[],
    sentUpTo: -1,
    /** What it has said that it applied. */
    position: -1,
    askedFor: [] as string[],
    isStuck: false,
    /** Whether it returns what it is asked for. */
    returns: true,
    joining: () => own.starts.at(-1)!.joining,
    beat: () => follower.beat(1, own.joining(), own.position),
    ack: () => {
      own.position = own.sentUpTo;
      follower.ack(own.joining(), own.position);
    },
    granted: () => eventually(() => expect(own.beat().grant).toBeGreaterThan(0)),
    lose: () => follower.lost(),
  };
  const connection: FollowerConnection = {
    begin(start) {
      own.starts.push(start);
      own.position = own.sentUpTo = start.position;
      queueMicrotask(() => follower.loaded(start.joining));
    },
    send(entries, position) {
      own.got.push(...entries);
      own.sentUpTo = position;
      if (!own.isStuck) queueMicrotask(own.ack);
    },
    takeBack(joining) {
      own.askedFor.push(joining);
      if (own.returns) queueMicrotask(() => follower.returned(joining));
    },
    ranOutOwing: () => undefined,
  };
  const follower = followers.join(connection);
  return own;
}

/** Publishes once so that the epoch is known for long enough. */
async function warm(node: ProtocolNode) {
  await eventually(async () => expect(await node.publish([ended('warm')])).toBe('applied'));
}

const registered = async () =>
  Object.keys(await direct.hgetall(NAMES.epoch)).filter((key) => key.startsWith('n:'));

test('a confirmation waits for a follower of another node', async () => {
  const [one, two] = [await newNode({ lease: 500 }), await newNode({ lease: 500 })];
  const follower = join(two);
  await warm(one);
  await follower.granted();
  follower.isStuck = true;
  let way: string | undefined;
  void one.publish([ended('S')]).then((how) => (way = how));
  await eventually(() => expect(follower.got.at(-1)).toMatchObject({ sessionId: 'S' }));
  // The nodes have it, and both have said so.
  await eventually(() => expect([saysDenied(one, 'S'), saysDenied(two, 'S')]).toEqual([true, true]));
  // On a busy machine, the grant may be over by now.
  expect(way === undefined || two.followers.state.grants === 0).toBe(true);
  follower.ack();
  await eventually(() => expect(way).toBeDefined());
});

test('a follower that is stuck does not block a confirmation, and its node stays current', async () => {
  const [one, two] = [await newNode({ lease: 400 }), await newNode({ lease: 400 })];
  const follower = join(two);
  await warm(one);
  await follower.granted();
  follower.isStuck = true;
  await one.publish([ended('S')]);
  expect(two.followers.state.grants).toBe(0);
  await eventually(() => expect(two.source.state.isCurrent).toBe(true));
  await eventually(() => expect(follower.beat()).toMatchObject({ grant: 0, reason: 'BEHIND' }));
  await eventually(async () => expect(await one.publish([ended('S2')])).toBe('applied'));
});

test('a node that stops takes back before it removes its entry', async () => {
  const [one, two] = [await newNode({ lease: 1500 }), await newNode({ lease: 1500 })];
  const follower = join(two);
  await follower.granted();
  follower.returns = false;
  follower.isStuck = true;
  await eventually(async () => expect(await registered()).toHaveLength(2));
  const stopping = two.source.stop();
  expect(follower.askedFor).toEqual([follower.joining()]);
  expect(two.source.state.isCurrent).toBe(false);
  expect(follower.beat().grant).toBe(0);
  expect(await registered()).toHaveLength(2);
  await stopping;
  expect(two.followers.state.grants).toBe(0);
  expect(await registered()).toHaveLength(1);
  await one.publish([ended('S')]);
});

test('after a gap, the old entry stays until its grants are returned, while the node has joined again', async () => {
  const node = await newNode();
  const follower = join(node);
  await follower.granted();
  follower.returns = false;
  await eventually(async () => expect(await registered()).toHaveLength(1));
  const [before] = await registered();
  await direct.hincrby(NAMES.epoch, 'seq', 1);
  ended('trimmed');
  node.publish([ended('S')]).catch(() => undefined);
  await eventually(() => expect(follower.starts).toHaveLength(2));
  expect(follower.starts[1]!.epoch).toBe(follower.starts[0]!.epoch);
  await eventually(async () => expect(await registered()).toHaveLength(2));
  expect(await registered()).toContain(before);
  // The new joining grants already.
  await follower.granted();
  node.followers.ended();
});

test('after a flush, followers begin anew in the new epoch, and nothing is taken back', async () => {
  const node = await newNode({ lease: 500 });
  const follower = join(node);
  await follower.granted();
  await direct.flushall();
  await eventually(() => expect(follower.starts).toHaveLength(2));
  expect(follower.starts[1]!.epoch).not.toBe(follower.starts[0]!.epoch);
  expect(follower.askedFor).toEqual([]);
  await follower.granted();
  await node.publish([ended('S')]);
  expect(follower.got.at(-1)).toMatchObject({ sessionId: 'S' });
});

test('what a node catches up with after a time without Redis is sent to its followers', async () => {
  let isCutOff = false;
  const wrap = (stream: LogStream): LogStream => ({
    ...stream,
    beat: (...args) => (isCutOff ? Promise.reject(serviceUnavailable()) : stream.beat(...args)),
    probe: (...args) => (isCutOff ? Promise.reject(serviceUnavailable()) : stream.probe(...args)),
  });
  const node = await newNode({ lease: 300, wrap });
  const follower = join(node);
  await follower.granted();
  isCutOff = true;
  await eventually(() => expect(node.source.state.isCurrent).toBe(false));
  expect(follower.beat()).toMatchObject({ grant: 0, reason: 'NOT_CURRENT' });
  const entry = ended('S');
  log.unconfirmed.push(entry);
  isCutOff = false;
  await eventually(() => expect(follower.got).toContain(entry));
  await follower.granted();
});
