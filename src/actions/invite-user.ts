import type { User } from '../core/account';
import { type Actor, type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { requireMail } from './notices';

/**
 * Invites a user, who sets a password by the link in a mail. Inviting again sets the role anew, and ends the links of
 * before. Throws `CONFLICT` if the email has an account.
 */
export const inviteUser =
  (deps: Dependencies) =>
  async (admin: Actor, email: string, role: User['role'], client: Client): Promise<User> => {
    requireMail(deps);
    await deps.rateLimits.administratorMail(email, client);
    const user = await deps.truth.newcomers.invite(
      { email, role },
      { type: 'USER_INVITED', actorId: admin.userId, reason: `as ${role}`, ...originOf(client) },
    );
    deps.mailSender.wake();
    return user;
  };
