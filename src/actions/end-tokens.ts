import type { Receipt } from '../core/receipt';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';

/** Locks the user before the change, which then sees the session of a login that it has waited for. */
const NOTHING_MORE = {};

/**
 * Ends every access token of a user, and keeps the sessions: they refresh, and get tokens with the claims and the role of
 * now. Throws `NOT_FOUND`.
 */
export const endTokens =
  ({ revoker }: Pick<Dependencies, 'revoker'>) =>
  async (actor: Actor, userId: string, reason: string | undefined, client: ActorClient): Promise<Receipt> => {
    const { receipt } = await revoker.revoke(
      { scope: 'USER', userId, carryOver: 'all' },
      { type: 'TOKENS_ENDED', userId, actorId: actor.userId, reason, ...originOf(client) },
      NOTHING_MORE,
    );
    return receipt;
  };
