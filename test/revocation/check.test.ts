import { randomUUID } from 'node:crypto';
import type { VerifiedToken } from '../../src/core/claims';
import type { FoundInView } from '../../src/core/decision';
import { serviceUnavailable } from '../../src/core/errors';
import type { RecordAnswer, Records } from '../../src/core/ports/records';
import type { Source } from '../../src/core/ports/source';
import type { TruthOnUser } from '../../src/core/ports/truth';
import { createRecordsGate } from '../../src/protocol/records-gate';
import { createCheck } from '../../src/revocation/check';
import { createRecordsSource } from '../../src/revocation/records-source';
import { createTruthSource } from '../../src/revocation/truth-source';
import { truthAt } from '../support/truth-on-user';

const NOW = 1_800_000_000_000;
const token = {
  keyId: 'key',
  claims: {
    sub: randomUUID(),
    jti: 'jti',
    sid: 'sid',
    exp: NOW / 1000 + 60,
    tokenVersion: 5,
    globalVersion: 1,
  },
} as VerifiedToken;

const recordAt = (tokenVersion: number, denied = false): RecordAnswer => ({
  found: true,
  known: { from: 'copy', tokenVersion, globalVersion: 1, denied, keyDenied: false, asOf: 0 },
});
const CLOCK = { now: () => NOW, monotonic: () => NOW };
const TEXT = 'the token as it came';
const missing: RecordAnswer = { found: false, ticket: {} };

/** A check over fake stores, which give the answers of the test and note each question. */
function checkOver(record: RecordAnswer | 'away', truth: TruthOnUser | 'away', isOpen = true) {
  const asked: string[] = [];
  const answer = <T>(name: string, value: T | 'away') => {
    asked.push(name);
    return value === 'away' ? Promise.reject(serviceUnavailable()) : Promise.resolve(value);
  };
  const records: Records = {
    read: () => answer('record', record),
    fill: () => answer('fill', undefined),
  };
  const gate = createRecordsGate();
  if (isOpen) gate.open();
  const check = createCheck({
    sources: [
      createRecordsSource({ records, epochs: { readableEpoch: isOpen ? 'epoch' : undefined }, gate }),
      createTruthSource({ truth: { onUser: () => answer('truth', truth) }, records }),
    ],
    clock: CLOCK,
    clockSkew: 5000,
  });
  return { check, asked, gate };
}

test.each<[string, RecordAnswer | 'away', TruthOnUser | 'away', string, string[]]>([
  ['a record that matches decides', recordAt(5), 'away', 'GOOD', ['record']],
  ['a record that is newer decides', recordAt(6), 'away', 'REVOKED', ['record']],
  ['a record that denies decides', recordAt(5, true), 'away', 'REVOKED', ['record']],
  ['a record that is behind does not decide', recordAt(4), truthAt(5), 'GOOD', ['record', 'truth']],
  ['a record and a token that are both behind', recordAt(4), truthAt(6), 'REVOKED', ['record', 'truth']],
  ['a missing record is filled', missing, truthAt(5), 'GOOD', ['record', 'truth', 'fill']],
  ['records away: Postgres decides', 'away', truthAt(6), 'REVOKED', ['record', 'truth']],
  ['no such user is revoked', missing, truthAt(undefined), 'REVOKED', ['record', 'truth', 'fill']],
  ['a disabled user is revoked', 'away', truthAt(5, { disabled: true }), 'REVOKED', ['record', 'truth']],
  [
    'a revoked key is distrusted',
    'away',
    truthAt(5, { deniedKeys: ['key'] }),
    'DISTRUSTED',
    ['record', 'truth'],
  ],
])('%s', async (_case, record, truth, verdict, asked) => {
  const over = checkOver(record, truth);
  expect(await over.check(token, TEXT)).toBe(verdict);
  expect(over.asked).toEqual(asked);
});

test.each<[string, RecordAnswer | 'away']>([
  ['a missing record', missing],
  ['a record that is behind', recordAt(4)],
  ['records away', 'away'],
])('with %s and Postgres away, the check is unavailable', async (_case, record) => {
  await expect(checkOver(record, 'away').check(token, TEXT)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
});

test('records are not read while the gate is closed, and a failed read closes it', async () => {
  const closed = checkOver(recordAt(5), truthAt(6), false);
  expect(await closed.check(token, TEXT)).toBe('REVOKED');
  expect(closed.asked).toEqual(['truth']);
  const failing = checkOver('away', truthAt(5));
  await failing.check(token, TEXT);
  expect(failing.gate.isOpen).toBe(false);
});

test('requests share no look-up: one that began before a revocation does not answer a later one', async () => {
  let answerFirst: (truth: TruthOnUser) => void = () => undefined;
  const answers = [
    new Promise<TruthOnUser>((resolve) => (answerFirst = resolve)),
    Promise.resolve(truthAt(6)), // raised meanwhile
  ];
  const check = createCheck({
    sources: [
      createTruthSource({
        truth: { onUser: () => answers.shift() ?? Promise.reject(new Error('asked too often')) },
      }),
    ],
    clock: CLOCK,
    clockSkew: 5000,
  });
  const before = check(token, TEXT);
  const after = check(token, TEXT);
  answerFirst(truthAt(5));
  expect(await after).toBe('REVOKED');
  expect(await before).toBe('GOOD');
});

test('a token that expires while a store is asked is expired', async () => {
  let now = NOW;
  const check = createCheck({
    sources: [
      {
        step: 'introspection',
        find: () => {
          now += 120_000;
          return Promise.resolve({ from: 'introspection', active: true });
        },
      },
    ],
    clock: { now: () => now, monotonic: () => now },
    clockSkew: 5000,
  });
  expect(await check(token, TEXT)).toBe('EXPIRED');
});

const view = (from: 'view' | 'stale view', found: Partial<FoundInView>): Source => ({
  step: 'view',
  find: () => ({
    tokenVersion: 0,
    globalVersion: 0,
    denied: false,
    keyDenied: false,
    asOf: 0,
    ...found,
    from,
  }),
});
const NOT_ASKED: Source = {
  step: 'postgres',
  find: () => {
    throw new Error('A store was asked.');
  },
};
const checkOf = (...sources: Source[]) => createCheck({ sources, clock: CLOCK, clockSkew: 5000 });

test.each<[string, Partial<FoundInView>, string]>([
  ['a user that it does not name is good', {}, 'GOOD'],
  ['a version that it names is good', { tokenVersion: 5 }, 'GOOD'],
  ['an older version is revoked', { tokenVersion: 6 }, 'REVOKED'],
  ['a newer version is good: no confirmed revocation refuses it', { tokenVersion: 4 }, 'GOOD'],
  ['a token from before a logout of everyone is revoked', { globalVersion: 2 }, 'REVOKED'],
  ['a denied id is revoked', { denied: true }, 'REVOKED'],
  ['a revoked key is distrusted', { keyDenied: true }, 'DISTRUSTED'],
])('a current view answers synchronously, and nothing else is asked: %s', (_case, found, verdict) => {
  const check = checkOf(view('view', found), NOT_ASKED);
  expect(check(token, TEXT)).toBe(verdict);
});

test('a view that is not current refuses what it names synchronously, and accepts nothing', async () => {
  expect(checkOf(view('stale view', { denied: true }), NOT_ASKED)(token, TEXT)).toBe('REVOKED');
  expect(checkOf(view('stale view', { keyDenied: true }), NOT_ASKED)(token, TEXT)).toBe('DISTRUSTED');
  const equal = view('stale view', { tokenVersion: 5, globalVersion: 1 });
  await expect(checkOf(equal)(token, TEXT)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

test('sources are asked in order, and the first that can tell decides', async () => {
  const asked: string[] = [];
  const source = (step: Source['step'], found: ReturnType<Source['find']>): Source => ({
    step,
    find: () => {
      asked.push(step);
      return found;
    },
  });
  const told: unknown[] = [];
  const active = (isActive: boolean) => ({ from: 'introspection', active: isActive }) as const;
  const check = createCheck({
    sources: [
      source('view', undefined),
      source('redis', Promise.resolve(undefined)),
      source('introspection', active(false)),
      source('postgres', active(true)),
    ],
    clock: CLOCK,
    clockSkew: 5000,
    metrics: { checked: (...answer) => void told.push(answer) },
  });
  expect(await check(token, TEXT)).toBe('REVOKED');
  expect(asked).toEqual(['view', 'redis', 'introspection']);
  expect(told).toEqual([['introspection', 'REVOKED']]);
});
