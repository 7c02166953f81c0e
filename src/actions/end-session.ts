import { isNotFound } from '../core/errors';
import type { SessionName } from '../core/ports/sessions';
import type { Receipt } from '../core/receipt';
import { type Caller, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** The session that a token names. */
export interface NamedSession {
  readonly sessionId: string;
  readonly name: SessionName;
  /** The access token that named it, if it is still valid. It is then revoked as well. */
  readonly tokenId?: string;
}

export const ofAccessToken = (userId: string, sessionId: string, tokenId?: string): NamedSession => ({
  sessionId,
  name: { id: sessionId, ownerId: userId },
  tokenId,
});

/** Returns the session of a refresh token, of any generation. `undefined` for a text that no node has made. */
export async function ofRefreshToken(
  { refreshTokens }: Dependencies,
  text: string,
): Promise<NamedSession | undefined> {
  const token = await refreshTokens.read(text);
  return token && { sessionId: token.sessionId, name: { token } };
}

/**
 * Whether the refresh cookie belongs to a session of another user. That session stays alive, so the client must keep
 * the cookie to be able to end it.
 */
export const hasForeignCookie =
  ({ truth, refreshTokens }: Dependencies) =>
  async ({ refreshCookie }: Pick<Caller, 'refreshCookie'>, userId: string): Promise<boolean> => {
    const token = refreshCookie === undefined ? undefined : await refreshTokens.read(refreshCookie);
    const found = token && (await truth.sessions.look(token));
    return found !== undefined && found.user.id !== userId;
  };

/**
 * Ends a session. Succeeds if it has already ended. Returns nothing for a refresh token that is not genuine, or whose
 * session was purged long ago.
 */
export async function endSession(
  { revoker }: Dependencies,
  { name, tokenId }: NamedSession,
  client: Client,
): Promise<Receipt | undefined> {
  try {
    const { receipt } = await revoker.revoke(
      { scope: 'SESSION', name, byOwner: true, tokenId },
      { type: 'LOGOUT', ...originOf(client) },
    );
    return receipt;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // The account is deleted, or the session ended so long ago that it was purged.
    return 'ownerId' in name ? revoker.confirmPending('SESSION', name.ownerId) : undefined;
  }
}
