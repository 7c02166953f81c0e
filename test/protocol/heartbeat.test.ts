import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VerifiedToken } from '../../src/core/claims';
import { serviceUnavailable } from '../../src/core/errors';
import type { LogStream } from '../../src/core/ports/log-stream';
import type { LoggedRevocation } from '../../src/core/revocation';
import { eventually } from '../support/eventually';
import {
  FakeLog,
  logged,
  lookUp,
  type ProtocolNode,
  type ProtocolNodeOptions,
  NAMES,
  startProtocolNode,
} from '../support/protocol-node';
import { startProxy } from '../support/proxy';
import { startRedis, type TestServer } from '../support/servers';

let redis: TestServer;
let direct: Redis;
let log: FakeLog;
let nodes: ProtocolNode[];

beforeAll(async () => {
  redis = await startRedis();
  direct = new Redis(redis.url);
});
afterAll(async () => {
  direct.disconnect();
  await redis.dispose();
});
beforeEach(async () => {
  await direct.flushall();
  log = new FakeLog();
  nodes = [];
});
afterEach(async () => {
  redis.resume();
  for (const node of nodes) await node.stop();
});

const newNode = async (options: Partial<ProtocolNodeOptions> = {}) => {
  const node = await startProtocolNode({ redisUrl: redis.url, log, ...options });
  nodes.push(node);
  return node;
};
const current = (...all: ProtocolNode[]) =>
  eventually(() => expect(all.map(({ source }) => source.state.isCurrent)).toEqual(all.map(() => true)));
const sessionEnded = (sessionId: string, lifetime?: number) =>
  logged({ kind: 'SESSION', userId: 'U', sessionId }, lifetime);
/** Commits a revocation, as the revoker does. */
const commit = (entry: LoggedRevocation) => {
  log.committed.push(entry);
  return entry;
};
const tokenOf = (sid: string, lifetime = 900): VerifiedToken =>
  ({ keyId: 'K', claims: { sub: 'U', jti: 'T', sid, iat: 1000, exp: 1000 + lifetime } }) as VerifiedToken;
/** What the node's view says about a session; nothing while it is not current. */
const says = ({ source }: ProtocolNode, sid: string) => {
  const found = lookUp(source, tokenOf(sid));
  return found && (found.denied ? 'revoked' : 'good');
};
/** Waits until the view answers: on a busy machine a lease may lapse now and then. */
const firstSays = (node: ProtocolNode, sid: string) =>
  eventually(() => {
    const said = says(node, sid);
    if (said === undefined) throw new Error('The view is not current.');
    return said;
  });
const withClient = async <T>(url: string, work: (client: Redis) => Promise<T>) => {
  const client = new Redis(url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
};
const registered = async () =>
  Object.keys(await direct.hgetall(NAMES.epoch)).filter((field) => field.startsWith('n:')).length;

test('a confirmed revocation is in every view, and a session that was never revoked is good', async () => {
  commit(sessionEnded('before'));
  const [one, two, three] = [await newNode(), await newNode(), await newNode()];
  await current(one, two, three);
  await eventually(async () => expect(await registered()).toBe(3));
  for (let i = 0; i < 20; i++) {
    await one.publish([commit(sessionEnded(`S${i}`))]);
    for (const node of [one, two, three]) expect(says(node, `S${i}`)).not.toBe('good');
  }
  await current(one, two, three);
  for (const node of [one, two, three]) {
    expect(await firstSays(node, 'before')).toBe('revoked');
    expect(await firstSays(node, 'never')).toBe('good');
  }
});

test('a confirmation waits until the other nodes have applied it, not for a whole lease', async () => {
  const [one, two] = [await newNode({ lease: 2000 }), await newNode({ lease: 2000 })];
  await current(one, two);
  await eventually(
    async () => expect(await one.publish([commit(sessionEnded('S'))])).toBe('applied'),
    20_000,
  );
  expect(await firstSays(two, 'S')).toBe('revoked');
});

test('a revocation committed while a node loads is in its view, whether published before or after', async () => {
  const one = await newNode();
  await current(one);
  log.onceRead = async () => {
    log.onceRead = () => Promise.resolve();
    // The load has missed it, so the stream must bring it.
    await one.publish([commit(sessionEnded('meanwhile'))]);
  };
  const two = await newNode();
  await current(two);
  expect(await firstSays(two, 'meanwhile')).toBe('revoked');
});

test('a node that has not loaded is not current, and no confirmation waits for it', async () => {
  const one = await newNode();
  await current(one);
  let release: () => void = () => undefined;
  log.onRead = () => new Promise((resolve) => (release = resolve));
  const two = await newNode();
  await eventually(() => expect(two.source.state.reachesRedis).toBe(true));
  expect(await one.publish([commit(sessionEnded('S'))])).toBe('applied');
  expect(two.source.state.isCurrent).toBe(false);
  expect(await registered()).toBe(1);
  release();
  await current(two);
  expect(await firstSays(two, 'S')).toBe('revoked');
});

test('a lease counts from before the heartbeat was sent, however late its answer is', async () => {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead, monotonic: () => performance.now() + ahead };
  const answers: (() => void)[] = [];
  let isHeld = false as boolean;
  const one = await newNode({
    lease: 3000,
    clock,
    wrap: (stream) => ({
      ...stream,
      async beat(...order) {
        const answer = await stream.beat(...order);
        if (isHeld) await new Promise<void>((resolve) => answers.push(resolve));
        return answer;
      },
    }),
  });
  await current(one);
  isHeld = true;
  await eventually(() => expect(answers).toHaveLength(1));
  ahead += 1500;
  answers[0]!();
  // The next one is under way, so the first one has been counted.
  await eventually(() => expect(answers).toHaveLength(2));
  expect(one.source.state.isCurrent).toBe(true);
  ahead += 1500;
  expect(one.source.state.isCurrent).toBe(false);
  isHeld = false;
  answers[1]!();
});

test('a publication whose epoch ends before the confirmation is published again', async () => {
  let losses = 1;
  const one = await newNode({
    wrap: (stream) => ({
      ...stream,
      async nodes(...look) {
        if (losses-- > 0) await direct.flushall();
        return stream.nodes(...look);
      },
    }),
  });
  await current(one);
  // It is in no log, so nothing else can bring it back.
  await one.publish([sessionEnded('S')]);
  expect(JSON.stringify(await direct.xrange(NAMES.stream, '-', '+'))).toContain('\\"S\\"');
});

test('a load that fails is repeated', async () => {
  let failures = 2;
  log.onRead = () => (failures-- > 0 ? Promise.reject(serviceUnavailable()) : Promise.resolve());
  commit(sessionEnded('S'));
  const one = await newNode();
  await current(one);
  expect(await firstSays(one, 'S')).toBe('revoked');
});

test('a node that cannot read the stream stops being current, although it sends heartbeats', async () => {
  const [one, two] = [await newNode(), await newNode()];
  await current(one, two);
  // Each time they reconnect.
  let isKilling = true as boolean;
  const killReaders = async () => {
    while (isKilling) {
      for (const line of ((await direct.client('LIST')) as string).split('\n')) {
        const [, id] = /^id=(\d+)/.exec(line) ?? [];
        if (id !== undefined && line.includes('cmd=xread')) await direct.client('KILL', 'ID', id);
      }
      await sleep(1);
    }
  };
  const killer = killReaders();
  const entry = commit(sessionEnded('S'));
  const way = await one.publish([entry]);
  for (const node of [one, two]) expect(says(node, 'S')).not.toBe('good');
  isKilling = false;
  await killer;
  expect(['applied', 'outwaited']).toContain(way);
  await current(one, two);
  expect(await firstSays(two, 'S')).toBe('revoked');
});

test('a suspended Redis: views are current for at most a lease, and again when Redis is back', async () => {
  const one = await newNode();
  await current(one);
  redis.pause();
  await eventually(() => expect(one.source.state.isCurrent).toBe(false));
  expect(says(one, 'S')).toBeUndefined();
  expect(one.source.readableEpoch).toBeUndefined();
  redis.resume();
  await current(one);
});

test.each<[string, () => Promise<unknown>]>([
  ['a flush', () => direct.flushall()],
  ['the stream evicted', () => direct.del(NAMES.stream)],
  ['the epoch evicted', () => direct.del(NAMES.epoch)],
  ['the data on another server', () => direct.hset(NAMES.epoch, 'run', 'another')],
])('after %s the log is loaded again, and a revocation made meanwhile is not lost', async (_what, lose) => {
  const [one, two] = [await newNode(), await newNode()];
  await current(one, two);
  const before = log.reads;
  await lose();
  await one.publish([commit(sessionEnded('S'))]);
  for (const node of [one, two]) expect(says(node, 'S')).not.toBe('good');
  await current(one, two);
  await eventually(() => expect(log.reads).toBeGreaterThanOrEqual(before + 2));
  for (const node of [one, two]) expect(await firstSays(node, 'S')).toBe('revoked');
});

test('a node that waits for entries of a lost stream joins again', async () => {
  const one = await newNode();
  await current(one);
  // An entry that was published, and lost with the stream before the node read it. Nobody publishes another.
  commit(sessionEnded('S'));
  await direct.multi().hincrby(NAMES.epoch, 'seq', 1).del(NAMES.stream).exec();
  // Its view may answer from before until it joins. That the log is read tells nothing: filling the epoch reads it too.
  await eventually(() => expect(says(one, 'S')).toBe('revoked'));
});

test('no revocation is confirmed fast in an epoch that other nodes may not know yet', async () => {
  const lease = 400;
  // The other node cannot reach Redis any more, and still relies on its view.
  let isCutOff = false;
  const cutOff = (stream: LogStream): LogStream => ({
    ...stream,
    hello: () => (isCutOff ? Promise.reject(serviceUnavailable()) : stream.hello()),
    beat: (...args) => (isCutOff ? Promise.reject(serviceUnavailable()) : stream.beat(...args)),
    probe: (...args) => (isCutOff ? Promise.reject(serviceUnavailable()) : stream.probe(...args)),
  });
  const [one, two] = [await newNode({ lease }), await newNode({ lease, wrap: cutOff })];
  await current(one, two);
  for (let i = 0; i < 5; i++) {
    isCutOff = true;
    await direct.flushall();
    await one.publish([commit(sessionEnded(`S${i}`))]);
    expect(says(two, `S${i}`)).not.toBe('good');
    isCutOff = false;
    await current(one, two);
  }
});

test('a gap in the stream is noticed, and the log is loaded again', async () => {
  const one = await newNode();
  await current(one);
  await direct.client('PAUSE', 300, 'WRITE');
  const reads = log.reads;
  // An entry that is gone before it is read: only its position was counted.
  await direct.multi().hincrby(NAMES.epoch, 'seq', 1).exec();
  commit(sessionEnded('trimmed'));
  await one.publish([commit(sessionEnded('S'))]);
  await eventually(() => expect(log.reads).toBeGreaterThan(reads));
  await current(one);
  expect(await firstSays(one, 'trimmed')).toBe('revoked');
  expect(await firstSays(one, 'S')).toBe('revoked');
});

test('a node that is gone delays only one revocation', async () => {
  const [one, two] = [await newNode({ lease: 300 }), await newNode({ lease: 300 })];
  await current(one, two);
  await eventually(async () => expect(await one.publish([sessionEnded('warm')])).toBe('applied'));
  // Like a killed process: it is registered and sends no heartbeat.
  await direct.hset(NAMES.epoch, 'n:gone', '0:1');
  expect(await one.publish([sessionEnded('first')])).toBe('outwaited');
  await eventually(async () => expect(await registered()).toBe(2));
  await eventually(async () => expect(await one.publish([sessionEnded('second')])).toBe('applied'));
});

test('a node that stops removes its registration, and no confirmation waits for it', async () => {
  const [one, two] = [await newNode({ lease: 1000 }), await newNode({ lease: 1000 })];
  await current(one, two);
  await eventually(async () => expect(await one.publish([sessionEnded('warm')])).toBe('applied'));
  await two.source.stop();
  expect(two.source.state.isCurrent).toBe(false);
  expect(await registered()).toBe(1);
  expect(await one.publish([sessionEnded('S')])).toBe('applied');
});

test('a node whose view is overfull gives it up, logs this, and is no longer registered', async () => {
  const [one, two] = [await newNode({ viewLimit: 10 }), await newNode()];
  await current(one, two);
  for (let i = 0; i < 11; i++) await two.publish([commit(sessionEnded(`S${i}`))]);
  await eventually(() => expect(one.source.state).toMatchObject({ isCurrent: false, reachesRedis: true }));
  expect(one.warnings.join()).toContain('REVOCATION_VIEW_LIMIT');
  expect(one.source.state.size).toBeLessThanOrEqual(10);
  await eventually(async () => expect(await registered()).toBe(1));
  // It still reads records.
  await eventually(() => expect(one.source.readableEpoch).toBeDefined());
});

test('the view does not answer for a token that lives longer than any node issues', async () => {
  const one = await newNode();
  await current(one);
  await eventually(() => expect(lookUp(one.source, tokenOf('S', 900))).toBeDefined());
  expect(lookUp(one.source, tokenOf('S', 901))).toBeUndefined();
  // Another node, which issues longer ones, announces that.
  const { id } = await one.stream.hello();
  await one.stream.beat(id, { node: 'other', position: 0, tokenTtl: 3600 });
  await eventually(() => expect(lookUp(one.source, tokenOf('S', 3600))).toBeDefined());
});

test('a token that Postgres refused while Redis was away is not accepted by the view', async () => {
  const one = await newNode();
  await current(one);
  redis.pause();
  await eventually(() => expect(one.source.state.isCurrent).toBe(false));
  // Revoked by a node that could not publish it.
  const entry = commit(sessionEnded('S'));
  log.unconfirmed.push(entry);
  redis.resume();
  await current(one);
  expect(await firstSays(one, 'S')).toBe('revoked');
});

test('the stream of a new epoch is filled once with the whole live log', async () => {
  for (let i = 0; i < 1200; i++) commit(sessionEnded(`S${i}`));
  const [one, two] = [await newNode({ viewLimit: 5000 }), await newNode({ viewLimit: 5000 })];
  await current(one, two);
  await eventually(async () => expect(await direct.hget(NAMES.epoch, 'filled')).toBe('1'));
  expect(await direct.xlen(NAMES.stream)).toBe(1200);
  await current(one, two);
  const { id } = await one.stream.hello();
  expect(await one.stream.heal(id, 'late', [sessionEnded('again')], false, 0)).toBe('TAKEN');
  expect(await one.stream.heal('an epoch that has ended', 'late', [sessionEnded('again')], true, 0)).toBe(
    'STALE',
  );
});

test('the stream is trimmed by age: entries that still matter stay, however many there are', async () => {
  const one = await newNode();
  await current(one);
  const { id } = await one.stream.hello();
  const add = (at: number) => direct.xadd(NAMES.stream, `${at}-1`, 'epoch', id, 'seq', '0', 'entry', '{}');
  await direct.del(NAMES.stream);
  const [old, recent] = [Date.now() - 3_600_000, Date.now() - 60_000];
  for (let i = 0; i < 1000; i++) await add(old + i);
  for (let i = 0; i < 1000; i++) await add(recent + i);
  await one.stream.publish(id, [sessionEnded('S', 900_000)]);
  const left = (await direct.xrange(NAMES.stream, '-', '+')).map(([at]) => Number(at.split('-')[0]));
  expect(left.filter((at) => at >= recent)).toHaveLength(1001);
  // Redis trims the stream by whole blocks, so part of one may stay.
  expect(left.filter((at) => at < recent).length).toBeLessThan(150);
});

test('simultaneous revocations are published together, and each is confirmed', async () => {
  const [one, two] = [await newNode(), await newNode()];
  await current(one, two);
  const calls = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await direct.info('commandstats'))?.[1] ?? 0);
  const before = await calls();
  await Promise.all(Array.from({ length: 1000 }, (_, i) => one.publish([commit(sessionEnded(`S${i}`))])));
  expect((await calls()) - before).toBeLessThan(500);
  await current(one, two);
  for (let i = 0; i < 1000; i++) expect(await firstSays(two, `S${i}`)).toBe('revoked');
});

test('a node whose reads bring nothing does not delay confirmations, and recovers', async () => {
  const elsewhere = await startRedis();
  const proxy = await startProxy(redis.url);
  try {
    const [one, two] = [
      await newNode({ lease: 300 }),
      // Its stream will come from another server, as after a failover that one connection has missed.
      await newNode({ lease: 300, streamUrl: proxy.url }),
    ];
    await current(one, two);
    await eventually(async () => expect(await one.publish([commit(sessionEnded('warm'))])).toBe('applied'));
    proxy.cut();
    proxy.restore(elsewhere.url);
    await eventually(async () =>
      expect((await withClient(elsewhere.url, (client) => client.client('LIST'))) as string).toContain(
        'cmd=xread',
      ),
    );
    await one.publish([commit(sessionEnded('S'))]);
    expect(says(two, 'S')).not.toBe('good');
    await eventually(async () => expect(await one.publish([commit(sessionEnded('S2'))])).toBe('applied'));
    expect(says(two, 'S2')).not.toBe('good');
    proxy.restore(redis.url);
    // The connection is up and leads to the wrong server. The node reconnects by itself.
    await current(two);
    expect(await firstSays(two, 'S2')).toBe('revoked');
  } finally {
    await proxy.close();
    await elsewhere.dispose();
  }
});

test.each<[string, string[]]>([
  ['a line of another form', ['nonsense', '{']],
  ['a version for everyone that no token can reach', ['EVERYONE', '2147483647']],
])(
  '%s in the stream keeps every view current, locks out no user, and is logged once',
  async (_what, [kind, text]) => {
    const one = await newNode();
    await current(one);
    const { id } = await one.stream.hello();
    const forged =
      kind === 'EVERYONE' ? JSON.stringify(logged({ kind, globalVersion: Number(text) })) : text!;
    for (let i = 0; i < 3; i++) {
      if (kind === 'EVERYONE') await direct.xadd(NAMES.stream, '*', 'epoch', id, 'seq', 1, 'entry', forged);
      else await direct.xadd(NAMES.stream, '*', kind!, forged);
    }
    // A later publication arrives, and the view has lost nothing.
    const entry = commit(sessionEnded('behind'));
    await one.publish([entry]);
    await eventually(() => expect(one.taken).toEqual([entry]));
    await current(one);
    expect(one.source.state.lag).toBe(0);
    expect(one.warnings.filter((line) => line.includes('no node can have written'))).toHaveLength(1);
    expect(one.warnings).toHaveLength(1);
  },
);
