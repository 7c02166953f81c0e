import { systemClock } from '../../src/core/clock';
import type { StoredSigningKey } from '../../src/core/account';
import { createKeyGenerator } from '../../src/tokens/generate';
import { createKeyRing } from '../../src/tokens/key-ring';
import { createSeal } from '../../src/tokens/sealing';

const seal = createSeal('a secret that is long enough for a test');
const newKey = (): StoredSigningKey => ({
  ...createKeyGenerator(seal)('a name of a key'),
  createdAt: new Date(),
  retiredAt: undefined,
  revokedAt: undefined,
});

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
