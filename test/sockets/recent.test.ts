import type { VerifiedToken } from '../../src/core/claims';
import type { LoggedRevocation, Revocation } from '../../src/core/revocation';
import { createRecent, type Recent, REMEMBERED } from '../../src/sockets/recent';

let now: number;
let recent: Recent;
const clock = { now: () => now, monotonic: () => now };
beforeEach(() => {
  now = 1_800_000_000_000;
  recent = createRecent(clock, 10);
});
afterEach(() => recent.stop());

const entry = (revocation: Revocation): LoggedRevocation => ({
  ...revocation,
  id: '1',
  revokedAt: now,
  expiresAt: now + 900_000,
});
const add = (revocation: Revocation) => recent.add(entry(revocation));
const endSession = (sessionId: string) => add({ kind: 'SESSION', userId: 'U', sessionId });
const token = (claims: object = {}, keyId = 'K') =>
  ({
    keyId,
    claims: { sub: 'U', jti: 'T', sid: 'S', tokenVersion: 3, globalVersion: 3, ...claims },
  }) as VerifiedToken;

test.each<[string, Revocation, VerifiedToken]>([
  ['a token', { kind: 'TOKEN', userId: 'U', tokenId: 'T' }, token({ jti: 'T2' })],
  ['a session', { kind: 'SESSION', userId: 'U', sessionId: 'S' }, token({ sid: 'S2' })],
  ['a user', { kind: 'USER', userId: 'U', tokenVersion: 4 }, token({ tokenVersion: 4 })],
  ['everyone', { kind: 'EVERYONE', globalVersion: 4 }, token({ globalVersion: 4 })],
  ['a key', { kind: 'KEY', keyId: 'K' }, token({}, 'K2')],
])('the revocation of %s is held against whom it refuses, and nobody else', (_what, revocation, other) => {
  add(revocation);
  expect(recent.refusing(token())).toMatchObject(revocation);
  expect(recent.refusing(other)).toBeUndefined();
});

test('of two that raise the same version, in whatever order, the one that refuses more counts', () => {
  for (const tokenVersion of [4, 6, 5]) add({ kind: 'USER', userId: 'U', tokenVersion });
  for (const globalVersion of [4, 6, 5]) add({ kind: 'EVERYONE', globalVersion });
  expect(recent.refusing(token({ tokenVersion: 5, globalVersion: 9 }))).toMatchObject({ tokenVersion: 6 });
  expect(recent.refusing(token({ tokenVersion: 9, globalVersion: 5 }))).toMatchObject({ globalVersion: 6 });
});

test('each is remembered for its time, and forgotten not much later', () => {
  now += REMEMBERED - 1;
  endSession('S');
  now += REMEMBERED - 1;
  expect(recent.refusing(token())).toBeDefined();
  now += REMEMBERED + 1;
  expect(recent.refusing(token())).toBeUndefined();
  expect(recent.size).toBe(0);
  endSession('S');
  now += 2 * REMEMBERED;
  expect(recent.refusing(token())).toBeUndefined();
  expect(recent.size).toBe(0);
});

test('they are forgotten even if nobody joins and nothing is revoked any more', () => {
  jest.useFakeTimers();
  const idle = createRecent(clock);
  idle.add(entry({ kind: 'SESSION', userId: 'U', sessionId: 'S' }));
  for (let i = 0; i < 2; i++) {
    now += REMEMBERED;
    jest.advanceTimersByTime(REMEMBERED);
  }
  expect(idle.size).toBe(0);
  idle.stop();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

test('those of others are not looked at, however many there are', () => {
  let looks = 0;
  const others = Array.from({ length: 9 }, (_, i) =>
    entry({ kind: 'SESSION', userId: 'U', sessionId: `another ${i}` }),
  );
  for (const other of others) {
    const get = (target: object, name: string) => {
      looks += 1;
      return Reflect.get(target, name) as unknown;
    };
    recent.add(new Proxy<LoggedRevocation>(other, { get }));
  }
  looks = 0;
  expect(recent.refusing(token())).toBeUndefined();
  expect(looks).toBe(0);
});

test('there are never more than a bound, and it says for how long some are missing', () => {
  for (let i = 0; i < 20; i++) endSession(`S${i}`);
  expect(recent.isPartial).toBe(false);
  expect(recent.refusing(token({ sid: 'S0' }))).toBeDefined();
  for (let i = 20; i < 1000; i++) endSession(`S${i}`);
  expect(recent.size).toBeLessThanOrEqual(20);
  expect(recent.refusing(token({ sid: 'S0' }))).toBeUndefined();
  expect(recent.refusing(token({ sid: 'S999' }))).toBeDefined();
  expect(recent.isPartial).toBe(true);
  now += REMEMBERED;
  expect(recent.isPartial).toBe(false);
});

test('what is passed over is not remembered, and is missing for as long', () => {
  for (let i = 0; i < 1000; i++) recent.passOver();
  expect(recent.size).toBe(0);
  expect(recent.isPartial).toBe(true);
  now += REMEMBERED;
  expect(recent.isPartial).toBe(false);
});
