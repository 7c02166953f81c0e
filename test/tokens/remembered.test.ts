import { randomUUID } from 'node:crypto';
import type { StoredSigningKey } from '../../src/core/account';
import { CLAIMS, key, newKey, newVerifier, NOW, tokenWith } from './tokens';

// What verification remembers of a signature.
const { state, keys, verify } = newVerifier();
afterEach(() => {
  state.now = NOW;
});
const hold = (...held: StoredSigningKey[]) => {
  state.stored = held;
  return keys.reload();
};
const remember = async () => {
  // The ring's memory of an earlier test has to end first.
  await hold();
  await hold(key);
  const token = tokenWith({});
  expect(await verify(token)).toMatchObject({ ok: true });
  return token;
};

test('a remembered signature gives the same answer at once', async () => {
  const token = await remember();
  const again = verify(token);
  expect(again).not.toBeInstanceOf(Promise);
  expect(again).toEqual({ ok: true, token: { claims: CLAIMS, keyId: key.id } });
});

test('a remembered signature does not outlive the token', async () => {
  const token = await remember();
  state.now = (CLAIMS.exp + 6) * 1000;
  expect(await verify(token)).toMatchObject({ ok: false, code: 'TOKEN_EXPIRED' });
  expect(await verify(token)).toMatchObject({ ok: false, code: 'TOKEN_EXPIRED' });
});

test('a remembered signature does not outlive its key', async () => {
  const token = await remember();
  await hold({ ...key, revokedAt: new Date(NOW) });
  expect(await verify(token)).toMatchObject({ ok: false, code: 'TOKEN_REVOKED' });
  await hold();
  expect(await verify(token)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test('a remembered signature does not count for another key of the same id', async () => {
  const token = await remember();
  await hold();
  await hold({ ...newKey(), id: key.id });
  expect(await verify(token)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test('a remembered signature does not count for the same claims with another signature', async () => {
  const token = await remember();
  const [head, body, signature = ''] = token.split('.');
  const forged = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  expect(await verify(forged)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
});

test('a remembered signature does not count for other claims, and stays good for its own', async () => {
  const token = await remember();
  const signature = token.split('.')[2] ?? '';
  const [head, body] = tokenWith({ jti: randomUUID(), role: 'ADMIN' }).split('.');
  for (const forged of [`${head}.${body}.${signature}`, `.${signature}`, signature]) {
    expect(await verify(forged)).toMatchObject({ ok: false, code: 'TOKEN_INVALID' });
  }
  expect(verify(token)).toMatchObject({ ok: true });
});
