import type { VerifiedToken } from '../../src/core/claims';
import type { PartEntry } from '../../src/core/follow-messages';
import type { LoggedRevocation, Revocation } from '../../src/core/revocation';
import { View } from '../../src/protocol/view';
import { logged } from '../support/protocol-node';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
let now: number;
beforeEach(() => {
  now = NOW;
});

const entry = (revocation: Revocation, lifetime = 10 * MINUTE): LoggedRevocation => ({
  ...revocation,
  id: '1',
  revokedAt: now,
  expiresAt: now + lifetime,
});
const viewOf = (limit = 1000) => new View(limit, () => now);
const token = (claims: object = {}, keyId = 'K'): VerifiedToken =>
  ({ keyId, claims: { sub: 'U', jti: 'T', sid: 'S', exp: NOW / 1000 + 3600, ...claims } }) as VerifiedToken;

test('a view names the revocations that it was given, and nothing else', () => {
  const view = viewOf();
  view.apply(entry({ kind: 'USER', userId: 'U', tokenVersion: 3 }));
  view.apply(entry({ kind: 'SESSION', userId: 'V', sessionId: 'S2' }));
  view.apply(entry({ kind: 'TOKEN', userId: 'V', tokenId: 'T2' }));
  view.apply(entry({ kind: 'KEY', keyId: 'K2' }));
  view.apply(entry({ kind: 'EVERYONE', globalVersion: 4 }));
  const found = { from: 'view', tokenVersion: 3, globalVersion: 4, denied: false, keyDenied: false, asOf: 0 };
  expect(view.lookUp(token())).toEqual(found);
  expect(view.lookUp(token({ sub: 'V' }))).toEqual({ ...found, tokenVersion: 0 });
  expect(view.lookUp(token({ sid: 'S2' }))).toEqual({ ...found, denied: true });
  expect(view.lookUp(token({ jti: 'T2' }))).toEqual({ ...found, denied: true });
  expect(view.lookUp(token({}, 'K2'))).toEqual({ ...found, keyDenied: true });
});

test('in any order and with repeats, the newest version counts, and is new once', () => {
  const view = viewOf();
  const isNew = [5, 7, 6, 7, 5].map((tokenVersion) =>
    view.apply(entry({ kind: 'USER', userId: 'U', tokenVersion })),
  );
  expect(isNew).toEqual([true, true, false, false, false]);
  expect(view.lookUp(token())?.tokenVersion).toBe(7);
  const sessions = [1, 2].map(() => view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId: 'S' })));
  expect(sessions).toEqual([true, false]);
  const everyone = [2, 4, 3].map((globalVersion) => view.apply(entry({ kind: 'EVERYONE', globalVersion })));
  expect(everyone).toEqual([true, true, false]);
  expect(view.lookUp(token())?.globalVersion).toBe(4);
});

test('a view says what a revocation changes', () => {
  const view = viewOf(2);
  const user = (tokenVersion: number, lifetime: number) =>
    view.takeIn(entry({ kind: 'USER', userId: 'U', tokenVersion }, lifetime));
  expect([user(5, 1000), user(5, 1000), user(4, 5000), user(6, 1000)]).toEqual([
    'new',
    'nothing',
    'longer',
    'new',
  ]);
  const session = (sessionId: string, lifetime: number) =>
    view.takeIn(entry({ kind: 'SESSION', userId: 'U', sessionId }, lifetime));
  expect([session('S', 1000), session('S', 1000), session('S', 5000), session('S2', 1000)]).toEqual([
    'new',
    'nothing',
    'longer',
    'overfull',
  ]);
  const everyone = (globalVersion: number, lifetime: number) =>
    view.takeIn(entry({ kind: 'EVERYONE', globalVersion }, lifetime));
  expect([everyone(2, 1000), everyone(2, 1000), everyone(1, 5000)]).toEqual(['new', 'nothing', 'longer']);
});

test('another view that takes in all entries says the same', () => {
  const view = viewOf();
  view.apply(entry({ kind: 'USER', userId: 'U', tokenVersion: 3 }));
  view.apply(entry({ kind: 'SESSION', userId: 'V', sessionId: 'S' }));
  view.apply(entry({ kind: 'TOKEN', userId: 'V', tokenId: 'T' }));
  view.apply(entry({ kind: 'KEY', keyId: 'K' }));
  view.apply(entry({ kind: 'EVERYONE', globalVersion: 4 }));
  const other = viewOf();
  for (const each of view.entries()) expect(other.add(each)).toBe('new');
  expect(other.lookUp(token())).toEqual(view.lookUp(token()));
  expect([...other.entries()]).toEqual([...view.entries()]);
  now += 20 * MINUTE;
  other.sweep();
  expect([...other.entries()]).toEqual([]);
});

test('a view that is read in turns, while it takes in and sweeps, yields everything that stays', () => {
  const view = viewOf();
  const sessions = Array.from({ length: 100 }, (_, i) => `S${i}`);
  for (const [i, sessionId] of sessions.entries())
    view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId }, (i % 2 ? 20 : 1) * MINUTE));
  const reading = view.entries();
  const read = new Set(Array.from({ length: 10 }, () => (reading.next().value as PartEntry)[1]));
  const before = view.sweptUntil;
  now += 3 * MINUTE;
  view.sweep();
  view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId: 'later' }));
  for (const [, id] of reading) read.add(id);
  for (const id of sessions.filter((_, i) => i % 2)) expect(read).toContain(id);
  expect(view.sweptUntil).toBeGreaterThan(before);
});

test('what another view has swept, a view does not answer for', () => {
  const view = viewOf();
  view.noteSwept(NOW + 5 * MINUTE);
  expect(view.lookUp(token({ exp: NOW / 1000 + 300 }))).toBeUndefined();
  expect(view.lookUp(token({ exp: NOW / 1000 + 301 }))).toBeDefined();
});

test('a sweep removes what no longer matters, and nothing else', () => {
  const view = viewOf();
  view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId: 'S' }, 5 * MINUTE));
  view.apply(entry({ kind: 'USER', userId: 'U', tokenVersion: 2 }, 5 * MINUTE));
  now += 5 * MINUTE;
  view.sweep();
  expect(view.lookUp(token())).toMatchObject({ denied: true, tokenVersion: 2 });
  now += MINUTE;
  view.sweep();
  expect(view.lookUp(token())).toMatchObject({ denied: false, tokenVersion: 0 });
  expect(view.size).toBe(0);
});

test('a revocation that is repeated with a later expiry stays until that', () => {
  const view = viewOf();
  view.apply(entry({ kind: 'USER', userId: 'U', tokenVersion: 2 }, 5 * MINUTE));
  view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId: 'S' }, 5 * MINUTE));
  view.apply(entry({ kind: 'USER', userId: 'U', tokenVersion: 3 }, 20 * MINUTE));
  view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId: 'S' }, 20 * MINUTE));
  now += 10 * MINUTE;
  view.sweep();
  expect(view.lookUp(token())).toMatchObject({ denied: true, tokenVersion: 3 });
  now += 12 * MINUTE;
  view.sweep();
  expect(view.size).toBe(0);
});

test('a view never exceeds its limit, and reports that it was given more', () => {
  const view = viewOf(3);
  for (let i = 0; i < 3; i++) view.apply(entry({ kind: 'USER', userId: `U${i}`, tokenVersion: 2 }));
  // A name that it has may change.
  view.apply(entry({ kind: 'USER', userId: 'U1', tokenVersion: 3 }));
  expect(view.isOverfull).toBe(false);
  view.apply(entry({ kind: 'TOKEN', userId: 'U', tokenId: 'T' }));
  expect(view).toMatchObject({ isOverfull: true, size: 3 });
  view.clear();
  expect(view).toMatchObject({ isOverfull: false, size: 0 });
});

test('after a sweep by a clock that was ahead, the view does not answer for tokens that it may have forgotten', () => {
  const view = viewOf();
  view.apply(entry({ kind: 'SESSION', userId: 'U', sessionId: 'S' }, 5 * MINUTE));
  const exp = (NOW + 4 * MINUTE) / 1000;
  now += 24 * 60 * MINUTE;
  view.sweep();
  now = NOW + MINUTE;
  // The token has not expired, but its revocation was swept, so the view does not answer.
  expect(view.lookUp(token({ exp }))).toBeUndefined();
  expect(view.lookUp(token({ exp: exp + 2 * 24 * 3600 }))).toBeDefined();
});

test('a version for everyone is removed when the last token that it refuses has expired', () => {
  let now = 0;
  const view = new View(10, () => now);
  view.apply(logged({ kind: 'EVERYONE', globalVersion: 9 }, 60_000));
  const [{ expiresAt }] = [logged({ kind: 'EVERYONE', globalVersion: 1 }, 60_000)];
  now = expiresAt + 120_000;
  view.sweep();
  const later = { exp: now / 1000 + 900, sub: 'U', jti: 'T', sid: 'S' };
  expect(view.lookUp({ claims: later, keyId: 'K' } as never)).toMatchObject({ globalVersion: 0 });
});
