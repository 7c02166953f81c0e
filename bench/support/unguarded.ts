import type { AuthResult } from '../../src/guard/guard';
import * as guard from '../../src/guard/guard';

/**
 * The server with one change: it takes every request as from the same user, without a look at the token. The
 * difference in throughput to the real server is the cost of the check. It has no other use.
 *
 * One function is replaced before the server is loaded, so that the rest is the same code.
 */
const NOBODY = '00000000-0000-4000-8000-000000000000';

const anyone: AuthResult = {
  ok: true,
  principal: {
    userId: NOBODY,
    sessionId: NOBODY,
    tokenId: NOBODY,
    role: 'USER',
    claims: {},
    token: {
      keyId: 'nobody',
      claims: {
        iss: 'http://localhost:4000',
        sub: NOBODY,
        aud: 'api',
        client_id: 'tokenfence',
        iat: 0,
        auth_time: 0,
        exp: Number.MAX_SAFE_INTEGER,
        jti: NOBODY,
        sid: NOBODY,
        role: 'USER',
        tokenVersion: 1,
        globalVersion: 1,
      },
    },
  },
};

const assembleGuard = (): guard.Guard => ({ authenticate: () => Promise.resolve(anyone) });
Object.defineProperty(guard, 'assembleGuard', { value: assembleGuard });

void import('../../src/main.js');
