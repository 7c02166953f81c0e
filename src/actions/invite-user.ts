import type { User } from '../core/account';
import { checkRole } from './check-role';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';
import { requireMail } from './notices';
import { withHook } from './run-hook';

/**
 * Invites a user, who sets a password by the link in a mail. Inviting again sets the role anew, and ends the links of
 * before. Throws `CONFLICT` if the email has an account.
 */
export const inviteUser =
  (deps: Dependencies) =>
  async (admin: Actor, email: string, role: User['role'], client: ActorClient): Promise<User> => {
    requireMail(deps);
    checkRole(role, deps.settings);
    await deps.rateLimits.administratorMail(email, client);
    const origin = originOf(client);
    const event = { type: 'USER_INVITED', actorId: admin.userId, reason: `as ${role}`, ...origin } as const;
    const user = await withHook<'registering', User>(
      deps,
      'registering',
      (tables) => tables.newcomers.invite({ email, role }, event),
      (invited) => ({ user: invited, input: { email, role }, via: 'invitation', client: origin }),
    );
    deps.mailSender.wake();
    return user;
  };
