import { randomUUID } from 'node:crypto';
import type { VerifiedToken } from '../../src/core/claims';
import { createFilter } from '../../src/protocol/filter';
import { View } from '../../src/protocol/view';

const names = (count: number) => Array.from({ length: count }, () => randomUUID());

test.each([0, 1, 100, 10_000])('a filter made for %d names reports each of 20,000 added names', (room) => {
  const filter = createFilter(room);
  const added = [...names(20_000), '', 'a', 'kéy', 'x'.repeat(1000)];
  for (const name of added) filter.add(name);
  expect(added.filter((name) => !filter.mayHold(name))).toEqual([]);
});

test('a filter that is not full rules out most other names', () => {
  const filter = createFilter(50_000);
  for (const name of names(50_000)) filter.add(name);
  const passed = names(50_000).filter((name) => filter.mayHold(name)).length;
  expect(passed).toBeLessThan(50_000 / 10);
});

describe('a view of many revocations', () => {
  const NOW = 1_800_000_000_000;
  const claims = { sub: randomUUID(), jti: randomUUID(), sid: randomUUID() };
  const tokenOf = (own: Partial<typeof claims>, keyId = 'key') =>
    ({ claims: { ...claims, ...own }, keyId }) as unknown as VerifiedToken;
  const entry = (id: number, expiresAt: number) => ({ id: String(id), revokedAt: NOW, expiresAt });

  test('it names each of them while it grows, after a sweep, and after it was cleared', () => {
    let now = NOW;
    const view = new View(Infinity, () => now);
    const fill = (expiresAt: number) => {
      const [users, sessions, tokens, keys] = [names(3000), names(3000), names(3000), names(100)];
      users.forEach((userId, i) =>
        view.apply({ ...entry(i, expiresAt), kind: 'USER', userId, tokenVersion: 7 }),
      );
      sessions.forEach((sessionId, i) =>
        view.apply({ ...entry(i, expiresAt), kind: 'SESSION', userId: claims.sub, sessionId }),
      );
      tokens.forEach((tokenId, i) =>
        view.apply({ ...entry(i, expiresAt), kind: 'TOKEN', userId: claims.sub, tokenId }),
      );
      keys.forEach((keyId, i) => view.apply({ ...entry(i, expiresAt), kind: 'KEY', keyId }));
      return () => {
        expect(users.filter((sub) => view.lookUp(tokenOf({ sub }))?.tokenVersion !== 7)).toEqual([]);
        expect(sessions.filter((sid) => !view.lookUp(tokenOf({ sid }))?.denied)).toEqual([]);
        expect(tokens.filter((jti) => !view.lookUp(tokenOf({ jti }))?.denied)).toEqual([]);
        expect(keys.filter((keyId) => !view.lookUp(tokenOf({}, keyId))?.keyDenied)).toEqual([]);
      };
    };
    const innocent = () =>
      expect(view.lookUp(tokenOf({}))).toMatchObject({ tokenVersion: 0, denied: false, keyDenied: false });

    const leaveSoon = fill(NOW + 60_000);
    const stay = fill(NOW + 3_600_000);
    leaveSoon();
    stay();
    now = NOW + 300_000;
    view.sweep();
    expect(view.size).toBe(9_100);
    stay();
    for (let i = 0; i < 3; i++) fill(NOW + 3_600_000)();
    stay();
    innocent();
    view.clear();
    expect(view.size).toBe(0);
    fill(NOW + 3_600_000)();
    innocent();
  });
});
