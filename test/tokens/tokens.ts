import { randomUUID } from 'node:crypto';
import { type Algorithm, type Secret, sign } from 'jsonwebtoken';
import type { StoredSigningKey } from '../../src/core/account';
import { systemClock } from '../../src/core/clock';
import { createKeyGenerator } from '../../src/tokens/generate';
import { createKeyRing } from '../../src/tokens/key-ring';
import { createSeal } from '../../src/tokens/sealing';
import { createVerifier } from '../../src/tokens/verify';

export const NOW = 1_800_000_000_000;
export const seal = createSeal('a secret that is long enough for a test');
export const newKey = (): StoredSigningKey => ({
  ...createKeyGenerator(seal)('a name of a key'),
  createdAt: new Date(NOW),
  retiredAt: undefined,
  revokedAt: undefined,
});

export const openKey = ({ sealedPrivateKey, id }: StoredSigningKey) => seal.open(sealedPrivateKey, id);

export const key = newKey();

/** A verifier with a memory of its own, over a ring of the stored keys. */
export function newVerifier() {
  const state = { stored: [key], readings: 0, now: NOW };
  const list = () => {
    state.readings += 1;
    return Promise.resolve(state.stored);
  };
  const clock = { now: () => state.now, monotonic: () => state.now };
  const keys = createKeyRing({ list, seal, cooldown: 20, maxAge: 60_000, clock: systemClock });
  const verify = createVerifier({ keys, issuer: 'https://issuer', audience: 'api', clock, clockSkew: 5000 });
  return { state, keys, verify };
}

export const CLAIMS = {
  iss: 'https://issuer',
  aud: 'api',
  sub: randomUUID(),
  client_id: 'tokenfence',
  iat: NOW / 1000,
  exp: NOW / 1000 + 900,
  jti: randomUUID(),
  sid: randomUUID(),
  role: 'USER' as const,
  auth_time: NOW / 1000 - 60,
  tokenVersion: 1,
  globalVersion: 1,
};

/** A token with these claims and headers, signed with a key of ours or another one. */
export const tokenWith = (
  claims: object,
  header: object = {},
  privateKey: Secret = openKey(key),
  algorithm: Algorithm = 'ES256',
) =>
  // Without what is undefined, which `sign` refuses.
  sign(JSON.parse(JSON.stringify({ ...CLAIMS, ...claims })) as object, privateKey, {
    algorithm,
    header: { alg: algorithm, typ: 'at+jwt', kid: key.id, ...header },
  });
