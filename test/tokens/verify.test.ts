import { createPublicKey, generateKeyPairSync, sign as signRaw } from 'node:crypto';
import { createSigner } from '../../src/tokens/sign';
import { CLAIMS, key, newKey, newVerifier, NOW, openKey, tokenWith } from './tokens';

const { state, keys, verify } = newVerifier();

beforeAll(() => keys.reload());
beforeEach(() => {
  state.stored = [key];
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
  ['no role', { role: undefined }],
  ['a role in lower case', { role: 'admin' }],
  ['a role that is too long', { role: 'A'.repeat(33) }],
  ['no auth_time', { auth_time: undefined }],
  ['auth_time as a string', { auth_time: String(NOW / 1000) }],
  ['claims that are no object', { claims: 'tenant' }],
  ['claims as a list', { claims: [] }],
  ['claims that are too large', { claims: { text: 'x'.repeat(2048) } }],
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
  expect(await verify(tokenWith(claims))).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
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
  const base64 = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const none = `${base64({ alg: 'none', typ: 'at+jwt', kid: key.id })}.${base64(CLAIMS)}.`;
  const hmac = tokenWith({}, {}, 'x'.repeat(64), 'HS256');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rs256 = tokenWith({}, {}, rsa.privateKey, 'RS256');
  for (const token of [none, hmac, rs256]) {
    expect(await verify(token)).toEqual({ ok: false, code: 'TOKEN_INVALID', fault: 'alg is not ES256' });
  }
});

test('a token signed by another key under our key id is refused', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const token = tokenWith({}, {}, other.privateKey);
  expect(await verify(token)).toMatchObject({ code: 'TOKEN_INVALID', fault: 'the signature is invalid' });
});

test('a signature in the other encoding of ECDSA is refused', async () => {
  const [header, payload] = tokenWith({}).split('.');
  const der = signRaw('sha256', Buffer.from(`${header}.${payload}`), openKey(key)).toString('base64url');
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
  state.stored = [fresh, key];
  const token = tokenWith({}, { kid: fresh.id }, openKey(fresh));
  expect(await verify(token)).toMatchObject({ ok: true });
});

test('unknown key ids do not cause repeated readings of the database', async () => {
  const before = state.readings;
  await Promise.all(
    Array.from({ length: 200 }, async (_, i) => verify(tokenWith({}, { kid: `made-up-${i}` }))),
  );
  expect(state.readings - before).toBeLessThanOrEqual(2);
});

test('a token of a revoked key is revoked, and its claims are not trusted', async () => {
  state.stored = [{ ...key, revokedAt: new Date(NOW) }];
  await keys.reload();
  expect(await verify(tokenWith({}))).toEqual({ ok: false, code: 'TOKEN_REVOKED' });
  expect((await keys.keySet()).keys).toEqual([]);
});
