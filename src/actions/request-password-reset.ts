import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { dataOf, requireMail } from './notices';

/**
 * Mails a link to set a new password, if an account has this email. Writes the same rows, and answers the same in the
 * same time, if none has.
 */
export const requestPasswordReset =
  (deps: Dependencies) =>
  async (email: string, client: Client): Promise<true> => {
    requireMail(deps);
    await deps.rateLimits.mail(email, client);
    const event = { type: 'PASSWORD_RESET_REQUESTED', ...originOf(client) } as const;
    await deps.truth.mails.writeToAddress(email, { kind: 'password-reset', data: dataOf(client) }, event);
    deps.mailSender.wake();
    return true;
  };
