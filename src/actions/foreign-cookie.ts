import type { Caller } from './client';
import type { Dependencies } from './dependencies';
import { sessionOfRefreshToken } from './end-session';

/**
 * Whether the refresh cookie belongs to a session of another user. That session stays alive, so the client must keep
 * the cookie to be able to end it.
 */
export const hasForeignCookie =
  (deps: Dependencies) =>
  async ({ refreshCookie }: Pick<Caller, 'refreshCookie'>, userId: string): Promise<boolean> => {
    if (refreshCookie === undefined) return false;
    const named = await sessionOfRefreshToken(deps, refreshCookie);
    return named !== undefined && named.userId !== userId;
  };
