import { systemClock } from '../../src/core/clock';
import { stale } from '../../src/core/ports/source';
import { View } from '../../src/protocol/view';
import { createCheck } from '../../src/revocation/check';
import { logged, newToken } from '../support/fake-guard';
import { KINDS } from './kinds';

// A process takes a revocation into its view, and then announces it. The sign-in of sockets relies on what follows here.
test.each(KINDS)(
  'a revocation (%s) in the view is refused without a store, even if the view is not current',
  async (_kind, of) => {
    const { keyId, ...claims } = newToken();
    const view = new View(10, () => Date.now());
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
