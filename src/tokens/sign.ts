import { sign } from 'jsonwebtoken';
import type { SignToken } from '../core/ports/tokens';
import { TOKEN_TYPE } from './verify';
import type { KeyRing } from './key-ring';

/** Signs access tokens (RFC 9068). */
export function createSigner(keys: Pick<KeyRing, 'signingKey'>): SignToken {
  return async (claims, keyId) =>
    sign(claims, await keys.signingKey(keyId), {
      algorithm: 'ES256',
      keyid: keyId,
      header: { alg: 'ES256', typ: TOKEN_TYPE },
    });
}
