import type { Tokens } from '../support/api';
import { EVERY_STORE } from '../support/embedded-world';
import { eventually } from '../support/eventually';
import { sharedNodes, sharedWorld } from '../support/shared';
import { createWorld } from '../support/world';
import { worldMaker } from '../support/world-maker';

/** The number of the key that made a refresh token. */
const keyOf = ({ refreshToken }: Tokens) => Buffer.from(refreshToken, 'base64url').readUInt16BE(0);

describe.each(EVERY_STORE)('%s', (_mode, create) => {
  const [a, b] = sharedNodes(sharedWorld(create), {}, {});
  const signIn = async () => {
    const [root, user] = [await a.api.loginAsAdmin(), await b.api.newUser()];
    return { root, user, old: keyOf(user) };
  };

  test('after a rotation, a token of the old key is exchanged for one of the new key, on another node too', async () => {
    const { root, user, old } = await signIn();
    expect(old).toBe(1);
    await a.api.mutate('rotateSigningKey { id }', root.accessToken);
    const second = await a.api.refreshed(user);
    expect(keyOf(second)).toBe(old + 1);
    // The other node learns the key from the token.
    const third = await b.api.refreshed(second);
    expect([third, await b.api.newUser()].map(keyOf)).toEqual([old + 1, old + 1]);
    expect(third.session.id).toBe(user.session.id);
    // A token of the old key is never forgotten.
    expect((await b.api.refresh(user.refreshToken)).code).toBe('REFRESH_TOKEN_REUSED');
    expect((await a.api.refresh(third.refreshToken)).code).toBe('REFRESH_TOKEN_INVALID');
  });

  test('after a rotation that revokes the old keys, sessions go on with a new refresh key', async () => {
    const { root, user, old } = await signIn();
    await a.api.mutate('rotateSigningKey(revokeOld: true) { id }', root.accessToken);
    // Known to the other node as soon as the revocation is.
    await eventually(async () => expect(keyOf(await b.api.newUser())).toBe(old + 1));
    const second = await b.api.refreshed(user);
    expect(keyOf(second)).toBe(old + 1);
    expect((await a.api.me(second.accessToken)).status).toBe(200);
  });
});

describe('administrators on two nodes at once', () => {
  const newWorld = worldMaker(createWorld);

  test.each([
    ['publish one key', '', 1],
    ['replace the keys one after the other', '(revokeOld: true)', 2],
  ])('%s', async (_what, more, added) => {
    const own = await newWorld();
    const nodes = await Promise.all([own.node(), own.node()]);
    const root = await nodes[0].api.loginAsAdmin();
    const answers = await Promise.all(
      nodes.map(({ api }) => api.send(`mutation { rotateSigningKey${more} { id } }`, {}, root.accessToken)),
    );
    // The second may find its own token revoked.
    const done = answers.filter(({ errors }) => !errors).length;
    const expected = Math.min(added, done);
    expect(done).toBeGreaterThan(0);
    expect(await own.sql('select id from refresh_keys order by id')).toEqual(
      Array.from({ length: 1 + expected }, (_, i) => ({ id: 1 + i })),
    );
    const events = await own.sql<{ reason: string }>(
      `select reason from audit_events where type = 'SIGNING_KEY_ROTATED' order by created_at`,
    );
    expect(events.map(({ reason }) => /The new refresh key is number (\d+)\./.exec(reason)?.[1])).toEqual(
      Array.from({ length: expected }, (_, i) => String(2 + i)),
    );
  });
});
