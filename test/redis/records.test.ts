import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { VerifiedToken } from '../../src/core/claims';
import type { RecordAnswer } from '../../src/core/ports/records';
import type { LoggedRevocation, Revocation } from '../../src/core/revocation';
import { connectRedis, type RedisConnection } from '../../src/redis/client';
import { keysOf } from '../../src/redis/keys';
import { createLogStream } from '../../src/redis/log-stream';
import { createRecords } from '../../src/redis/records';
import { eventually } from '../support/eventually';
import { startRedis, type TestServer } from '../support/servers';
import { truthAt } from '../support/truth-on-user';

let server: TestServer;
let direct: Redis;
let connection: RedisConnection;
let records: ReturnType<typeof createRecords>;
let stream: ReturnType<typeof createLogStream>;
let epochId: string;

beforeAll(async () => {
  server = await startRedis();
  direct = new Redis(server.url);
  connection = connectRedis(server.url, { failed: () => undefined });
  records = createRecords(connection, keysOf('one'));
  stream = createLogStream(connection, keysOf('one'));
  await connection.tried;
});
afterAll(async () => {
  connection.close();
  direct.disconnect();
  await server.dispose();
});
beforeEach(async () => {
  await direct.flushall();
  // An earlier test may have given up the connection.
  epochId = (await eventually(() => stream.hello())).id;
});

const tokenOf = (userId: string, claims: object = {}): VerifiedToken =>
  ({
    keyId: 'key',
    claims: { sub: userId, jti: randomUUID(), sid: randomUUID(), ...claims },
  }) as VerifiedToken;
const logged = (revocation: Revocation): LoggedRevocation => ({
  ...revocation,
  id: '1',
  revokedAt: Date.now(),
  expiresAt: Date.now() + 1e6,
});

const missing = async (userId: string) => {
  const answer: RecordAnswer = await records.read(epochId, tokenOf(userId));
  if (answer.found) throw new Error('There is a record already.');
  return answer.ticket;
};
const versionOf = async (userId: string) => {
  const answer = await records.read(epochId, tokenOf(userId));
  return answer.found ? answer.known.tokenVersion : 'unknown';
};

test('a missing record is unknown until it is filled', async () => {
  const user = randomUUID();
  const ticket = await missing(user);
  expect(await versionOf(user)).toBe('unknown');
  await records.fill(ticket, user, truthAt(5));
  expect(await versionOf(user)).toBe(5);
});

test('a record read before a revocation of a user cannot be filled after it', async () => {
  const user = randomUUID();
  const ticket = await missing(user); // reads 5 in Postgres …
  await stream.publish(epochId, [logged({ kind: 'USER', userId: user, tokenVersion: 6 })]);
  await records.fill(ticket, user, truthAt(5)); // … and comes back late
  expect(await versionOf(user)).toBe('unknown');
});

test.each<[string, (user: string) => Revocation]>([
  ['a session', (userId) => ({ kind: 'SESSION', userId, sessionId: 'S' })],
  ['a token', (userId) => ({ kind: 'TOKEN', userId, tokenId: 'T' })],
])('a record read before a revocation of %s cannot be filled after it', async (_what, revocation) => {
  const user = randomUUID();
  const ticket = await missing(user);
  await stream.publish(epochId, [logged(revocation(user))]);
  await records.fill(ticket, user, truthAt(1));
  expect(await versionOf(user)).toBe('unknown');
});

test('a record read before a revocation of everyone cannot be filled after it', async () => {
  const user = randomUUID();
  const ticket = await missing(user);
  await stream.publish(epochId, [logged({ kind: 'EVERYONE', globalVersion: 2 })]);
  await records.fill(ticket, user, truthAt(1));
  expect(await versionOf(user)).toBe('unknown');
});

test('a record read before a flush cannot be filled after it', async () => {
  const user = randomUUID();
  const ticket = await missing(user);
  await stream.publish(epochId, [logged({ kind: 'USER', userId: user, tokenVersion: 6 })]);
  await direct.flushall();
  epochId = (await stream.hello()).id;
  await records.fill(ticket, user, truthAt(5));
  expect(await versionOf(user)).toBe('unknown');
});

test('a publication never creates a record, because it knows only one fact', async () => {
  const user = randomUUID();
  await stream.publish(epochId, [logged({ kind: 'USER', userId: user, tokenVersion: 6 })]);
  expect(await versionOf(user)).toBe('unknown');
});

test('versions only grow, whatever their order', async () => {
  const user = randomUUID();
  await records.fill(await missing(user), user, truthAt(5));
  await stream.publish(epochId, [logged({ kind: 'USER', userId: user, tokenVersion: 7 })]);
  await stream.publish(epochId, [logged({ kind: 'USER', userId: user, tokenVersion: 6 })]);
  expect(await versionOf(user)).toBe(7);
});

test('a record denies only its denied tokens, sessions and keys', async () => {
  const user = randomUUID();
  const truth = truthAt(1, {
    deniedTokens: ['jti-from-truth'],
    deniedKeys: ['key-from-truth'],
  });
  await records.fill(await missing(user), user, truth);
  await stream.publish(epochId, [
    logged({ kind: 'SESSION', userId: user, sessionId: 'sid-published' }),
    logged({ kind: 'KEY', keyId: 'key-published' }),
  ]);
  const denied = async (claims: object, keyId = 'key') => {
    const answer = await records.read(epochId, { ...tokenOf(user, claims), keyId });
    return answer.found && (answer.known.denied || answer.known.keyDenied);
  };
  expect(await denied({})).toBe(false);
  expect(await denied({ jti: 'jti-from-truth' })).toBe(true);
  expect(await denied({ sid: 'sid-published' })).toBe(true);
  expect(await denied({}, 'key-from-truth')).toBe(true);
  expect(await denied({}, 'key-published')).toBe(true);
});

test('the record of a deleted user matches no token, and a disabled user has no record', async () => {
  const [deleted, disabled] = [randomUUID(), randomUUID()];
  await records.fill(await missing(deleted), deleted, truthAt(undefined));
  await records.fill(await missing(disabled), disabled, truthAt(3, { disabled: true }));
  expect(await versionOf(deleted)).toBe(2_147_483_647);
  expect(await versionOf(disabled)).toBe('unknown');
});

test('every key expires', async () => {
  for (let i = 0; i < 20; i++) {
    const user = randomUUID();
    const ticket = await missing(user);
    if (i % 2) await records.fill(ticket, user, truthAt(1));
    await stream.publish(epochId, [logged({ kind: 'SESSION', userId: user, sessionId: randomUUID() })]);
  }
  const lasting = [];
  for (const key of await direct.keys('*')) if ((await direct.pttl(key)) < 0) lasting.push(key);
  expect(lasting).toEqual([]);
});

test('every key lies in one slot of a cluster', async () => {
  await records.fill(await missing(randomUUID()), randomUUID(), truthAt(1));
  await missing(randomUUID());
  expect(new Set((await direct.keys('*')).map((key) => /^\{[^}]*\}/.exec(key)?.[0])).size).toBe(1);
});

test('a record of an ended epoch is not read', async () => {
  const user = randomUUID();
  await records.fill(await missing(user), user, truthAt(5));
  await direct.hset(keysOf('one').epoch, 'run', 'of another server');
  await expect(records.read(epochId, tokenOf(user))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  // The connection was given up, because it might lead to another server than that of the epoch.
  const next = await eventually(() => stream.hello());
  expect(next.id).not.toBe(epochId);
  expect((await records.read(next.id, tokenOf(user))).found).toBe(false);
});

test('the scripts are sent again to a server that has lost them', async () => {
  const user = randomUUID();
  await direct.script('FLUSH');
  await records.fill(await missing(user), user, truthAt(2));
  expect(await versionOf(user)).toBe(2);
});

test('a broken connection fails its pending commands, and later ones succeed', async () => {
  const reads = Array.from({ length: 50 }, () =>
    records.read(epochId, tokenOf(randomUUID())).catch((error: unknown) => error),
  );
  await direct.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  for (const answer of await Promise.all(reads))
    expect(answer).toHaveProperty(answer instanceof Error ? 'code' : 'found');
  await eventually(() => stream.nodes(epochId, []));
  expect(await versionOf(randomUUID())).toBe('unknown');
});
