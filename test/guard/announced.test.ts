import { systemClock } from '../../src/core/clock';
import { stale } from '../../src/core/ports/source';
import type { Revocation } from '../../src/core/revocation';
import { createView } from '../../src/protocol/view';
import { createCheck } from '../../src/revocation/check';
import { type FakeToken, logged, newToken } from '../support/fake-guard';

// A process takes a revocation into its view, and then announces it. The sign-in of sockets relies on what follows here.
test.each<[Revocation['kind'], (token: FakeToken) => Revocation]>([
  ['TOKEN', ({ sub, jti }) => ({ kind: 'TOKEN', userId: sub, tokenId: jti })],
  ['SESSION', ({ sub, sid }) => ({ kind: 'SESSION', userId: sub, sessionId: sid })],
  ['USER', ({ sub }) => ({ kind: 'USER', userId: sub, tokenVersion: 2 })],
  ['EVERYONE', () => ({ kind: 'EVERYONE', globalVersion: 2 })],
  ['KEY', ({ keyId }) => ({ kind: 'KEY', keyId })],
])(
  'a revocation (%s) in the view is refused without a store, even if the view is not current',
  async (_kind, of) => {
    const { keyId, ...claims } = newToken();
    const view = createView(10, () => Date.now());
    const asked: string[] = [];
    const check = createCheck({
      sources: [
        { step: 'view', find: ({ token }) => stale(view.lookUp(token)) },
        {
          step: 'introspection',
          // Behind: it has no revocation yet.
          find() {
            asked.push(claims.jti);
            return Promise.resolve({ from: 'introspection', active: true });
          },
        },
      ],
      clock: systemClock,
      clockSkew: 0,
    });
    const token = { claims, keyId };
    expect(await check(token, 'its text')).toBe('GOOD');
    view.apply(logged(of({ ...claims, keyId })));
    expect(['REVOKED', 'DISTRUSTED']).toContain(await check(token, 'its text'));
    expect(asked).toHaveLength(1);
  },
);
