import { TokenfenceError } from '../core/errors';
import type { Receipt } from '../core/receipt';
import { type Caller, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { hashOf, looksLikeRefreshToken } from './grant';

/** The session that a token names. */
export interface NamedSession {
  readonly userId: string;
  readonly sessionId: string;
  /** The access token that named it, if it is still valid. It is then revoked as well. */
  readonly tokenId?: string;
}

/** Returns the session of a refresh token, used or not. Undefined if the token is unknown. */
export async function sessionOfRefreshToken(
  { truth }: Dependencies,
  text: string,
): Promise<NamedSession | undefined> {
  return looksLikeRefreshToken(text) ? truth.refreshTokens.findByHash(hashOf(text)) : undefined;
}

/**
 * Whether the refresh cookie belongs to a session of another user. That session stays alive, so the client must keep
 * the cookie to be able to end it.
 */
export const hasForeignCookie =
  (deps: Dependencies) =>
  async ({ refreshCookie }: Pick<Caller, 'refreshCookie'>, userId: string): Promise<boolean> => {
    const named = refreshCookie === undefined ? undefined : await sessionOfRefreshToken(deps, refreshCookie);
    return named !== undefined && named.userId !== userId;
  };

/** Ends a session. Succeeds if it has already ended. */
export async function endSession(
  { revoker }: Dependencies,
  { userId, sessionId, tokenId }: NamedSession,
  client: Client,
): Promise<Receipt> {
  try {
    const { receipt } = await revoker.revoke(
      { scope: 'SESSION', userId, sessionId, tokenId },
      { type: 'LOGOUT', userId, actorId: userId, sessionId, ...originOf(client) },
    );
    return receipt;
  } catch (error) {
    // The account is deleted, or the session ended so long ago that it was purged.
    if (error instanceof TokenfenceError && error.code === 'NOT_FOUND')
      return revoker.confirmPending('SESSION', userId);
    throw error;
  }
}
