import { decode } from 'jsonwebtoken';
import type { Tokens } from '../support/api';
import { EVERY_STORE } from '../support/embedded-world';
import { eventually } from '../support/eventually';
import { keyIdsOf } from '../support/probes';
import { sharedNodes, sharedWorld } from '../support/shared';
import type { TestNode } from '../support/world';

describe.each(EVERY_STORE)('%s', (mode, create) => {
  const world = sharedWorld(create);
  const [a, b] = sharedNodes(world, {}, {});

  /** Signs in an administrator and a user, whose token both nodes serve. */
  const signIn = async () => {
    const [root, user] = [await a.api.loginAsAdmin(), await b.api.newUser()];
    for (const { api } of [a, b]) expect((await api.me(user.accessToken)).status).toBe(200);
    return { root, user };
  };

  test('forceLogoutAll ends every token and every session', async () => {
    const { root, user } = await signIn();
    expect(await a.api.end('forceLogoutAll(reason: "keys were stolen")', root.accessToken)).toMatchObject({
      scope: 'EVERYONE',
      tokenVersion: null,
      endedSessions: 2,
      confirmed: true,
    });
    for (const { api } of [b, a]) {
      expect((await api.me(user.accessToken)).reason).toBe('TOKEN_REVOKED');
      expect((await api.me(root.accessToken)).reason).toBe('TOKEN_REVOKED');
    }
    expect((await b.api.refresh(user.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
    const again = await b.api.login(user.user.email);
    expect((await a.api.me(again.accessToken)).data.me.sessions).toHaveLength(1);
  });

  test('a revoked signing key ends its tokens everywhere, and sessions refresh with the new key', async () => {
    const { root, user } = await signIn();
    const rotated = await a.api.send(
      'mutation { rotateSigningKey(revokeOld: true) { id algorithm } }',
      {},
      root.accessToken,
    );
    expect(rotated.extensions?.revocations).toMatchObject([{ scope: 'EVERYONE', confirmed: true }]);
    for (const { api } of [b, a]) expect((await api.me(user.accessToken)).reason).toBe('TOKEN_REVOKED');
    // The other node must sign with the new key at once, not with the one that it knows.
    const refreshed = await b.api.refreshed(user);
    for (const { api } of [a, b]) expect((await api.me(refreshed.accessToken)).status).toBe(200);
    // A token of a revoked key proves no session, so the logout ends nothing and claims nothing.
    for (const { api } of [a, b]) {
      expect(await api.send('mutation { logout { confirmed } }', {}, user.accessToken)).toMatchObject({
        status: 401,
        reason: 'TOKEN_REVOKED',
      });
      expect((await api.me(refreshed.accessToken)).status).toBe(200);
    }
    for (const node of [a, b]) {
      await eventually(async () => expect(await keyIdsOf(node)).toEqual([rotated.data.rotateSigningKey.id]));
    }
  });

  test('a new key is published long before it signs, and tokens of the old key stay good', async () => {
    const { root } = await signIn();
    const rotate = (more = ''): Promise<{ id: string; signsFrom: string }> =>
      a.api.mutate(`rotateSigningKey${more} { id signsFrom }`, root.accessToken);
    const freshKeyIdsOf = (node: TestNode) => keyIdsOf(node, { 'cache-control': 'no-cache' });
    const signerOf = (tokens: Tokens) => decode(tokens.accessToken, { complete: true })?.header.kid;

    const next = await rotate();
    expect(Date.parse(next.signsFrom) - Date.now()).toBeGreaterThan(10 * 60_000);
    expect(await rotate()).toEqual(next);
    for (const node of [b, a])
      expect((await freshKeyIdsOf(node)).sort()).toEqual([signerOf(root), next.id].sort());
    expect(signerOf(await b.api.loginAsAdmin())).toBe(signerOf(root));

    // This process cannot change the embedded database.
    if (mode !== 'the embedded mode') {
      await world.sql('update fleet set next_signs_from = now()');
      const later = await b.api.loginAsAdmin();
      expect(signerOf(later)).toBe(next.id);
      for (const { api } of [b, a]) {
        expect((await api.me(root.accessToken)).status).toBe(200);
        expect((await api.me(later.accessToken)).status).toBe(200);
      }
    }

    // A thief of the other keys may have the next key too.
    const toCome = await rotate();
    const last = await rotate('(revokeOld: true)');
    expect(last.id).not.toBe(toCome.id);
    expect(Date.parse(last.signsFrom)).toBeLessThanOrEqual(Date.now());
    for (const node of [b, a]) expect(await freshKeyIdsOf(node)).toEqual([last.id]);
    expect(signerOf(await b.api.loginAsAdmin())).toBe(last.id);
  });
});
