import type { RefreshTokens } from '../core/ports/tokens';
import type { RefreshKeyRing } from './refresh-keys';
import { looksLikeRefreshToken, makeRefreshToken, readRefreshToken } from './refresh-token';

/** Makes and reads refresh tokens with the keys of the ring. */
export function createRefreshTokens(keys: RefreshKeyRing): RefreshTokens {
  return {
    reload: keys.reload,
    make: (secrets) => makeRefreshToken(keys.newest(), secrets),
    hasForm: looksLikeRefreshToken,
    read: async (text) => (looksLikeRefreshToken(text) ? readRefreshToken(text, keys.find) : undefined),
  };
}
