import { systemClock } from '../../src/core/clock';
import type { StoredSigningKey } from '../../src/core/account';
import { createKeyRing } from '../../src/tokens/key-ring';
import { createSeal } from '../../src/tokens/sealing';
import { key, newKey, seal } from './tokens';

test('a slow reading of the keys does not undo a later one', async () => {
  const [old, stolen, fresh] = [newKey(), newKey(), newKey()];
  const answers: ((keys: StoredSigningKey[]) => void)[] = [];
  const list = () => new Promise<StoredSigningKey[]>((resolve) => answers.push(resolve));
  const ring = createKeyRing({ list, seal, maxAge: 60_000, clock: systemClock });

  const slow = ring.reload();
  const later = ring.reload();
  answers[1]?.([old, { ...stolen, revokedAt: new Date() }, fresh]);
  await later;
  answers[0]?.([old, stolen]);
  await slow;
  expect(await ring.verifyingKey(stolen.id, 0)).toMatchObject({ revoked: true });
  expect((await ring.keySet()).keys.map(({ kid }) => kid)).toEqual([old.id, fresh.id]);
});

test('a private key opens only with the secret and the key id of its sealing', () => {
  expect(() => createSeal('another secret that is long enough').open(key.sealedPrivateKey, key.id)).toThrow();
  expect(() => seal.open(key.sealedPrivateKey, 'another-id')).toThrow();
  expect(() => seal.open(`${key.sealedPrivateKey.slice(0, -4)}AAAA`, key.id)).toThrow();
  expect(key.sealedPrivateKey).not.toContain('PRIVATE');
});
