import { unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import { ownAccount } from './own-password';
import type { Dependencies } from './dependencies';
import { dataOf, requireMail } from './notices';

/** Mails a link that verifies the caller's address. Returns false, and mails nothing, if it is verified already. */
export const requestEmailVerification =
  (deps: Dependencies) =>
  async (principal: Principal, client: Client): Promise<boolean> => {
    requireMail(deps);
    const { id: userId, email, emailVerified } = await ownAccount(deps, principal);
    if (emailVerified) return false;
    await deps.rateLimits.mail(email, client);
    const { sessionId } = principal;
    const written = await deps.truth.mails.writeToUser(
      userId,
      { kind: 'email-verification', data: dataOf(client) },
      { type: 'EMAIL_VERIFICATION_REQUESTED', userId, actorId: userId, sessionId, ...originOf(client) },
    );
    // Deleted or disabled since it was read.
    if (!written) throw unauthenticated('TOKEN_REVOKED');
    deps.mailSender.wake();
    return true;
  };
