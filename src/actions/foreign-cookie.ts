import type { Caller } from './client';
import type { Dependencies } from './dependencies';
import { sessionOfRefreshToken } from './end-session';

/**
 * Whether the refresh cookie names a session of another user. What the caller ends leaves that session alive, so the
 * client has to keep the cookie: else nobody could end it.
 */
export const hasForeignCookie =
  (deps: Dependencies) =>
  async ({ refreshCookie }: Pick<Caller, 'refreshCookie'>, userId: string): Promise<boolean> => {
    if (refreshCookie === undefined) return false;
    const named = await sessionOfRefreshToken(deps, refreshCookie);
    return named !== undefined && named.userId !== userId;
  };
