import { unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import { checkOwnPassword, ownAccount } from './own-password';
import type { Dependencies } from './dependencies';
import { dataOf, noticesOf, requireMail } from './notices';

export interface EmailChange {
  readonly newEmail: string;
  readonly password: string;
}

/**
 * Mails a link to the new address, which changes the caller's email, and a notice to the current one. If another account
 * has the new address, its owner gets another mail. The answer does not tell.
 */
export const requestEmailChange =
  (deps: Dependencies) =>
  async (principal: Principal, { newEmail, password }: EmailChange, client: Client): Promise<true> => {
    requireMail(deps);
    const user = await ownAccount(deps, principal);
    const { sessionId } = principal;
    await checkOwnPassword(deps, { user, sessionId }, password, client);
    await deps.rateLimits.mail(newEmail, client);
    const { id: userId, tokenVersion } = user;
    const data = { ...dataOf(client), newEmail };
    const notices = noticesOf(deps, 'email-changed', data);
    const written = await deps.truth.linkUses.requestEmailChange(
      { session: { id: sessionId, userId }, tokenVersion, newEmail, requestedAt: new Date(deps.clock.now()) },
      { type: 'EMAIL_CHANGE_REQUESTED', userId, actorId: userId, sessionId, ...originOf(client) },
      { data },
      notices.map((notice) => ({ ...notice, kind: 'email-change-requested' })),
    );
    // The session has ended, or the password was changed, since the password was confirmed.
    if (!written) throw unauthenticated('TOKEN_REVOKED');
    deps.mailSender.wake();
    return true;
  };
