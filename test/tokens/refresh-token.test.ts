import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { PresentedRefreshToken } from '../../src/core/ports/sessions';
import {
  looksLikeRefreshToken,
  makeRefreshToken,
  readRefreshToken,
  type RefreshKey,
} from '../../src/tokens/refresh-token';

const key: RefreshKey = { id: 1, key: randomBytes(32) };
const secrets = { sessionId: randomUUID(), generation: 7, salt: randomBytes(32) };
const token = makeRefreshToken(key, secrets);

const keyOf = (...keys: RefreshKey[]) => {
  return (id: number) => Promise.resolve(keys.find((each) => each.id === id));
};
const sha256 = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest();

/** The condition of the statements in src/postgres/sessions.ts. */
const isGenuine = ({ half, digest }: PresentedRefreshToken, salt: Buffer) =>
  sha256(sha256(salt, half)).equals(digest);

test('a token is read as what it was made of, and fits the salt of its session', async () => {
  const read = await readRefreshToken(token, keyOf(key));
  expect(read).toMatchObject({ sessionId: secrets.sessionId, generation: 7 });
  expect(isGenuine(read!, secrets.salt)).toBe(true);
  expect(looksLikeRefreshToken(token)).toBe(true);
});

test('the same arguments make the same token, and any other argument makes another', () => {
  expect(makeRefreshToken(key, secrets)).toBe(token);
  for (const other of [
    makeRefreshToken({ ...key, id: 2 }, secrets),
    makeRefreshToken({ ...key, key: randomBytes(32) }, secrets),
    makeRefreshToken(key, { ...secrets, generation: 8 }),
    makeRefreshToken(key, { ...secrets, sessionId: randomUUID() }),
    makeRefreshToken(key, { ...secrets, salt: randomBytes(32) }),
  ])
    expect(other).not.toBe(token);
});

test('a token with one changed bit is refused here or by Postgres', async () => {
  const bytes = Buffer.from(token, 'base64url');
  const passed: number[] = [];
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = Buffer.from(bytes);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    const read = await readRefreshToken(copy.toString('base64url'), keyOf(key));
    if (!read) continue;
    passed.push(bit >> 3);
    expect(isGenuine(read, secrets.salt)).toBe(false);
  }
  // Only the MAC is left to Postgres.
  expect(new Set(passed)).toEqual(new Set(Array.from({ length: 32 }, (_, i) => 31 + i)));
});

test.each(['', 'a', token.slice(1), `${token}a`, `${token.slice(1)}=`, `${token.slice(1)}+`, `${token}\n`])(
  '%j does not have the form of a token',
  (text) => expect(looksLikeRefreshToken(text)).toBe(false),
);

test('the key without the salt makes no token that Postgres accepts', async () => {
  const read = await readRefreshToken(
    makeRefreshToken(key, { ...secrets, salt: Buffer.alloc(32) }),
    keyOf(key),
  );
  expect(isGenuine(read!, secrets.salt)).toBe(false);
});

test('the salt without the key makes no token that a node accepts', async () => {
  const forged = makeRefreshToken({ id: 1, key: randomBytes(32) }, secrets);
  expect(await readRefreshToken(forged, keyOf(key))).toBeUndefined();
});

test('what Postgres is sent, with the salt, makes no token that a node accepts', async () => {
  const { half } = (await readRefreshToken(token, keyOf(key)))!;
  const forged = Buffer.from(token, 'base64url');
  // The MAC follows from the salt and the half. The check does not.
  sha256(secrets.salt, half).copy(forged, 31);
  expect(forged.toString('base64url')).toBe(token);
  forged.fill(0, 22, 31);
  expect(await readRefreshToken(forged.toString('base64url'), keyOf(key))).toBeUndefined();
});

test('a token that names another key is refused, though the number is not part of the MAC', async () => {
  const other: RefreshKey = { id: 2, key: randomBytes(32) };
  const bytes = Buffer.from(token, 'base64url');
  bytes.writeUInt16BE(other.id, 0);
  expect(await readRefreshToken(bytes.toString('base64url'), keyOf(key, other))).toBeUndefined();
});

test.each([
  [1, true],
  // The largest integer of Postgres has no successor.
  [2 ** 31 - 2, true],
  [2 ** 31 - 1, false],
  [2 ** 31, false],
  [2 ** 32 - 1, false],
])('a token of generation %i is accepted: %s', async (generation, isAccepted) => {
  const read = await readRefreshToken(makeRefreshToken(key, { ...secrets, generation }), keyOf(key));
  expect(read?.generation).toBe(isAccepted ? generation : undefined);
});

test.each([-1, 2 ** 32])('no token is made of generation %i', (generation) => {
  expect(() => makeRefreshToken(key, { ...secrets, generation })).toThrow(/out of range/);
});
