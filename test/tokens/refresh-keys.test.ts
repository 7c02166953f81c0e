import { randomBytes, randomUUID } from 'node:crypto';
import { systemClock } from '../../src/core/clock';
import type { StoredRefreshKey } from '../../src/core/ports/truth';
import {
  createRefreshKeyGenerator,
  createRefreshKeyRing,
  openRefreshKey,
} from '../../src/tokens/refresh-keys';
import { makeRefreshToken } from '../../src/tokens/refresh-token';
import { createRefreshTokens } from '../../src/tokens/refresh-tokens';
import { createSeal, createSealOfNode } from '../../src/tokens/sealing';
import { seal } from './tokens';

const otherSeal = createSeal('another secret that is long enough');
const generate = createRefreshKeyGenerator(seal);
const [first, second] = [generate([])!, generate([generate([])!])!];

const secrets = () => ({ sessionId: randomUUID(), generation: 1, salt: randomBytes(32) });
const numberOf = (token: string) => Buffer.from(token, 'base64url').readUInt16BE(0);

/** Encrypts a key with another secret. */
const resealed = (key: StoredRefreshKey, from = seal, to = otherSeal): StoredRefreshKey => {
  const context = `refresh key ${key.id}`;
  return { id: key.id, sealedKey: to.close(from.open(key.sealedKey, context), context) };
};

/** The keys of a node, over a list that counts its readings, and what the node has logged. */
async function newNode(...stored: StoredRefreshKey[]) {
  const state = { stored, readings: 0, logged: [] as string[] };
  const list = () => {
    state.readings += 1;
    return Promise.resolve(state.stored);
  };
  const logger = { error: (_details: object, message: string) => void state.logged.push(message) };
  const tokens = createRefreshTokens(
    createRefreshKeyRing({ list, seal: createSealOfNode(seal, logger), clock: systemClock }),
  );
  await tokens.reload();
  return { state, tokens };
}

test('a key opens only with the secret and the number of its sealing', () => {
  expect(openRefreshKey(first, seal).key).toHaveLength(32);
  expect(() => openRefreshKey(first, otherSeal)).toThrow();
  expect(() => openRefreshKey({ ...first, id: 2 }, seal)).toThrow();
});

test('the next key has the next number; after the last number there is none', () => {
  expect([first.id, second.id]).toEqual([1, 2]);
  const last = { id: 65_535, sealedKey: seal.close('a key', 'refresh key 65535') };
  expect(generate([first, last])).toBeUndefined();
});

test('a node with another secret than the last key makes no key', () => {
  expect(() => createRefreshKeyGenerator(otherSeal)([first])).toThrow();
});

test('tokens are made with the newest key, and those of older keys are read', async () => {
  const { state, tokens } = await newNode(first);
  const old = tokens.make(secrets());
  state.stored = [first, second];
  await tokens.reload();
  expect([old, tokens.make(secrets())].map(numberOf)).toEqual([1, 2]);
  expect(await tokens.read(old)).toBeDefined();
});

test('a token of an unknown key makes a node read the keys, and use it at once', async () => {
  const { state, tokens } = await newNode(first);
  state.stored = [first, second];
  expect(await tokens.read(makeRefreshToken(openRefreshKey(second, seal), secrets()))).toBeDefined();
  expect(numberOf(tokens.make(secrets()))).toBe(2);
});

test('ten thousand tokens with made-up keys cause two readings', async () => {
  const { state, tokens } = await newNode(first);
  const forged = () => {
    const bytes = randomBytes(63);
    bytes.writeUInt16BE(2 + Math.floor(Math.random() * 65_000), 0);
    return bytes.toString('base64url');
  };
  const flood = () => Promise.all(Array.from({ length: 5000 }, () => tokens.read(forged())));
  const startedAt = performance.now();
  for (const answers of [await flood(), await flood()])
    expect(answers.every((each) => each === undefined)).toBe(true);
  // The first at the start.
  expect(state.readings).toBe(3);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(490);
});

test('made-up tokens of a known key, and texts of another form, cause no reading', async () => {
  const { state, tokens } = await newNode(first);
  const forged = randomBytes(63);
  forged.writeUInt16BE(1, 0);
  for (const text of [forged.toString('base64url'), 'a.b.c', ''])
    expect(await tokens.read(text)).toBeUndefined();
  expect(state.readings).toBe(1);
});

test('a node goes on with its keys after they were encrypted with another secret, and says so once', async () => {
  const { state, tokens } = await newNode(first);
  const token = tokens.make(secrets());
  state.stored = [resealed(first)];
  for (let i = 0; i < 3; i++) await tokens.reload();
  expect(await tokens.read(token)).toBeDefined();
  expect(numberOf(tokens.make(secrets()))).toBe(1);
  expect(state.logged).toEqual([expect.stringMatching(/another SECRET .* Restart it with the new SECRET/)]);
});

test('a token of a key that only other nodes can decrypt is not called invalid', async () => {
  const { state, tokens } = await newNode(first);
  const token = makeRefreshToken(openRefreshKey(second, seal), secrets());
  state.stored = [first, resealed(second)];
  await expect(tokens.read(token)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(numberOf(tokens.make(secrets()))).toBe(1);
  // The key is encrypted with the node's secret again.
  state.stored = [first, second];
  await tokens.reload();
  expect(await tokens.read(token)).toBeDefined();
});
