import { TokenfenceError } from '../core/errors';
import type { Receipt } from '../core/receipt';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { hashOf, looksLikeRefreshToken } from './grant';

/** What a token says is to be ended. */
export interface NamedSession {
  readonly userId: string;
  readonly sessionId: string;
  /** The access token that named it, if that is still good: the log then names it as well. */
  readonly tokenId?: string;
}

/** The session of a refresh token, used or not; nothing if it is none of ours. */
export async function sessionOfRefreshToken(
  { truth }: Dependencies,
  text: string,
): Promise<NamedSession | undefined> {
  return looksLikeRefreshToken(text) ? truth.refreshTokens.findByHash(hashOf(text)) : undefined;
}

/** Ends a session, on the word of who holds one of its tokens. That there is nothing left to end is no error. */
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
    // The account is deleted, or the session so long over that it is forgotten.
    if (error instanceof TokenfenceError && error.code === 'NOT_FOUND')
      return revoker.confirmPending('SESSION', userId);
    throw error;
  }
}
