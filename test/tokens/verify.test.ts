import { createPublicKey, generateKeyPairSync, randomUUID, sign as signRaw } from 'node:crypto';
import { sign, type SignOptions } from 'jsonwebtoken';
import { systemClock } from '../../src/core/clock';
import type { StoredSigningKey } from '../../src/core/account';
import { createKeyGenerator } from '../../src/tokens/generate';
import { createKeyRing } from '../../src/tokens/key-ring';
import { createSeal } from '../../src/tokens/sealing';
import { createSigner } from '../../src/tokens/sign';
import { createVerifier } from '../../src/tokens/verify';

const NOW = 1_800_000_000_000;
const seal = createSeal('a secret that is long enough for a test');
const newKey = (): StoredSigningKey => ({
  ...createKeyGenerator(seal)('a name of a key'),
  createdAt: new Date(NOW),
  retiredAt: undefined,
  revokedAt: undefined,
});

const key = newKey();
let stored = [key];
let readings = 0;
const keys = createKeyRing({
  list: () => {
    readings += 1;
    return Promise.resolve(stored);
  },
  seal,
  cooldown: 20,
  maxAge: 60_000,
  clock: systemClock,
});
let now = NOW;
const clock = { now: () => now, monotonic: () => now };
const verify = createVerifier({ keys, issuer: 'https://issuer', audience: 'api', clock, clockSkew: 5000 });
const privateKey = () => seal.open(key.sealedPrivateKey, key.id);

const CLAIMS = {
  iss: 'https://issuer',
  aud: 'api',
  sub: randomUUID(),
  client_id: 'tokenfence',
  iat: NOW / 1000,
  exp: NOW / 1000 + 900,
  jti: randomUUID(),
  sid: randomUUID(),
  role: 'USER' as const,
  tokenVersion: 1,
  globalVersion: 1,
};

/** A token signed with our key, with these claims and headers changed. */
const tokenWith = (claims: object, header: object = {}, options: SignOptions = {}) =>
  sign({ ...CLAIMS, ...claims }, privateKey(), {
    algorithm: 'ES256',
    keyid: key.id,
    ...options,
    header: { alg: 'ES256', typ: 'at+jwt', ...header },
  });

beforeAll(() => keys.reload());
beforeEach(() => {
  stored = [key];
});

test('a good token returns its claims and its key', async () => {
  const token = await createSigner(keys)(CLAIMS, key.id);
  expect(await verify(token)).toEqual({ ok: true, token: { claims: CLAIMS, keyId: key.id } });
});

test.each<[string, object]>([
  ['another issuer', { iss: 'https://other' }],
  ['another audience', { aud: 'other' }],
  ['no audience', { aud: undefined }],
  ['no subject', { sub: undefined }],
  ['a subject that is not a UUID', { sub: "x'; drop table users" }],
  ['no jti', { jti: undefined }],
  ['no sid', { sid: undefined }],
  ['an unknown role', { role: 'ROOT' }],
  ['no exp', { exp: undefined }],
  ['nbf in the future', { nbf: NOW / 1000 + 60 }],
  ['iat in the future', { iat: NOW / 1000 + 6 }],
  ['iat in the future, and an exp that has passed', { iat: NOW / 1000 + 6, exp: NOW / 1000 - 60 }],
  ['no tokenVersion, as before an upgrade', { tokenVersion: undefined }],
  ['tokenVersion as a string', { tokenVersion: '1' }],
  ['tokenVersion as a fraction', { tokenVersion: 1.5 }],
  ['tokenVersion negative', { tokenVersion: -1 }],
  ['tokenVersion 0', { tokenVersion: 0 }],
  ['tokenVersion null', { tokenVersion: null }],
  ['tokenVersion of a tombstone', { tokenVersion: 2_147_483_647 }],
  ['no globalVersion', { globalVersion: undefined }],
  ['globalVersion as a list', { globalVersion: [1] }],
])('a correctly signed token with %s is refused', async (_what, claims) => {
  const merged = JSON.parse(JSON.stringify({ ...CLAIMS, ...claims })) as object;
  const token = sign(merged, privateKey(), {
    algorithm: 'ES256',
    keyid: key.id,
    header: { alg: 'ES256', typ: 'at+jwt' },
  });
  expect(await verify(token)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test.each<[string, object]>([
  ['another type', { typ: 'JWT' }],
  ['no type', { typ: undefined }],
  ['jku', { jku: 'https://evil.example/keys' }],
  ['x5u', { x5u: 'https://evil.example/cert' }],
  ['x5c', { x5c: ['MIIB'] }],
  ['jwk', { jwk: createPublicKey(key.publicKey).export({ format: 'jwk' }) }],
  ['crit', { crit: ['exp'] }],
])('a correctly signed token whose header has %s is refused', async (_what, header) => {
  expect(await verify(tokenWith({}, header))).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test('the type application/at+jwt is accepted too', async () => {
  expect(await verify(tokenWith({}, { typ: 'application/at+jwt' }))).toMatchObject({ ok: true });
});

test('the token does not choose the algorithm', async () => {
  const none = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: key.id })).toString('base64url')}.${Buffer.from(JSON.stringify(CLAIMS)).toString('base64url')}.`;
  // An HMAC whose key is our public key.
  const hmac = sign(CLAIMS, 'x'.repeat(64), {
    algorithm: 'HS256',
    keyid: key.id,
    header: { alg: 'HS256', typ: 'at+jwt' },
  });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rs256 = sign(CLAIMS, rsa.privateKey, {
    algorithm: 'RS256',
    keyid: key.id,
    header: { alg: 'RS256', typ: 'at+jwt' },
  });
  for (const token of [none, hmac, rs256]) {
    expect(await verify(token)).toEqual({ ok: false, code: 'TOKEN_INVALID', fault: 'alg is not ES256' });
  }
});

test('a token signed by another key under our key id is refused', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const token = sign(CLAIMS, other.privateKey, {
    algorithm: 'ES256',
    keyid: key.id,
    header: { alg: 'ES256', typ: 'at+jwt' },
  });
  expect(await verify(token)).toMatchObject({ code: 'TOKEN_INVALID', fault: 'the signature is invalid' });
});

test('a signature in the other encoding of ECDSA is refused', async () => {
  const [header, payload] = tokenWith({}).split('.');
  const der = signRaw('sha256', Buffer.from(`${header}.${payload}`), privateKey()).toString('base64url');
  expect(await verify(`${header}.${payload}.${der}`)).toMatchObject({ code: 'TOKEN_INVALID' });
});

test.each([
  '',
  '.',
  '..',
  'a.b',
  'a.b.c',
  'a.b.c.d',
  '\0',
  'ey.ey.ey',
  'null',
  '{}.{}.{}',
  'e30.e30.e30',
  '💥',
])('a malformed token is refused: %j', async (text) => {
  expect(await verify(text)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test('a token over 8 KiB is refused before any computation', async () => {
  expect(await verify(tokenWith({ padding: 'x'.repeat(8192) }))).toMatchObject({
    fault: 'the token is too long',
  });
});

test('a token is good until the clock skew after its end, then expired with its claims', async () => {
  expect(await verify(tokenWith({ exp: NOW / 1000 - 4 }))).toMatchObject({ ok: true });
  expect(await verify(tokenWith({ exp: NOW / 1000 - 5 }))).toMatchObject({
    ok: false,
    code: 'TOKEN_EXPIRED',
    token: { claims: { sub: CLAIMS.sub } },
  });
});

test('a request that changes its claims does not affect the next', async () => {
  const token = tokenWith({ aud: ['api', 'other'] });
  const verification = await verify(token);
  if (!verification.ok) throw new Error('It is good.');
  const claims = verification.token.claims as unknown as { role: string; aud: string[] };
  expect(() => (claims.role = 'ADMIN')).toThrow(TypeError);
  expect(() => claims.aud.pop()).toThrow(TypeError);
  expect(await verify(token)).toMatchObject({ token: { claims: { role: 'USER', aud: ['api', 'other'] } } });
});

test('a new key of another node is read when a token names it', async () => {
  const fresh = newKey();
  stored = [fresh, key];
  const token = sign(CLAIMS, seal.open(fresh.sealedPrivateKey, fresh.id), {
    algorithm: 'ES256',
    keyid: fresh.id,
    header: { alg: 'ES256', typ: 'at+jwt' },
  });
  expect(await verify(token)).toMatchObject({ ok: true });
});

test('unknown key ids do not cause repeated readings of the database', async () => {
  const before = readings;
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => verify(tokenWith({}, { kid: `made-up-${i}` }))),
  );
  expect(readings - before).toBeLessThanOrEqual(2);
});

test('a token of a revoked key is revoked, and its claims are not trusted', async () => {
  stored = [{ ...key, revokedAt: new Date(NOW) }];
  await keys.reload();
  expect(await verify(tokenWith({}))).toEqual({ ok: false, code: 'TOKEN_REVOKED' });
  expect((await keys.keySet()).keys).toEqual([]);
});

test('a private key opens only with the secret and the key id of its sealing', () => {
  expect(() => createSeal('another secret that is long enough').open(key.sealedPrivateKey, key.id)).toThrow();
  expect(() => seal.open(key.sealedPrivateKey, 'another-id')).toThrow();
  expect(() => seal.open(`${key.sealedPrivateKey.slice(0, -4)}AAAA`, key.id)).toThrow();
  expect(key.sealedPrivateKey).not.toContain('PRIVATE');
});

describe('a remembered signature', () => {
  const ring = createKeyRing({
    list: () => Promise.resolve(stored),
    seal,
    cooldown: 20,
    maxAge: 60_000,
    clock: systemClock,
  });
  const recall = createVerifier({
    keys: ring,
    issuer: 'https://issuer',
    audience: 'api',
    clock,
    clockSkew: 5000,
  });
  afterEach(() => {
    now = NOW;
  });
  const hold = (...held: StoredSigningKey[]) => {
    stored = held;
    return ring.reload();
  };
  const remember = async () => {
    // The ring's memory of an earlier test has to end first.
    await hold();
    await hold(key);
    const token = tokenWith({});
    expect(await recall(token)).toMatchObject({ ok: true });
    return token;
  };

  test('gives the same answer at once', async () => {
    const token = await remember();
    const again = recall(token);
    expect(again).not.toBeInstanceOf(Promise);
    expect(again).toEqual({ ok: true, token: { claims: CLAIMS, keyId: key.id } });
  });

  test('does not outlive the token', async () => {
    const token = await remember();
    now = (CLAIMS.exp + 6) * 1000;
    expect(await recall(token)).toMatchObject({ ok: false, code: 'TOKEN_EXPIRED' });
    expect(await recall(token)).toMatchObject({ ok: false, code: 'TOKEN_EXPIRED' });
  });

  test('does not outlive its key', async () => {
    const token = await remember();
    await hold({ ...key, revokedAt: new Date(NOW) });
    expect(await recall(token)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
    await hold();
    expect(await recall(token)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
  });

  test('does not count for another key of the same id', async () => {
    const token = await remember();
    await hold();
    await hold({ ...newKey(), id: key.id });
    expect(await recall(token)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
  });

  test('does not count for the same claims with another signature', async () => {
    const token = await remember();
    const [head, body, signature = ''] = token.split('.');
    const forged = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    expect(await recall(forged)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
  });

  test('does not count for other claims, and stays good for its own', async () => {
    const token = await remember();
    const signature = token.split('.')[2] ?? '';
    const [head, body] = tokenWith({ jti: randomUUID(), role: 'ADMIN' }).split('.');
    for (const forged of [`${head}.${body}.${signature}`, `.${signature}`, signature]) {
      expect(await recall(forged)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
    }
    expect(recall(token)).toMatchObject({ ok: true });
  });
});
