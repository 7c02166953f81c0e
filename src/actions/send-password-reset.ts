import { conflict, notFound } from '../core/errors';
import { type Actor, type ActorClient, originOf } from './client';
import type { Dependencies } from './dependencies';
import { requireMail } from './notices';

/** Mails a user the link to set a new password, for an administrator. Throws `CONFLICT` for a disabled user. */
export const sendPasswordReset =
  (deps: Pick<Dependencies, 'truth' | 'rateLimits' | 'mailSender' | 'canMail'>) =>
  async (admin: Actor, userId: string, client: ActorClient): Promise<void> => {
    requireMail(deps);
    const user = await deps.truth.users.findById(userId);
    if (!user) throw notFound('user');
    if (user.disabled) throw conflict('This user is disabled. Enable them first.');
    await deps.rateLimits.administratorMail(user.email, client);
    const event = {
      type: 'PASSWORD_RESET_REQUESTED',
      userId,
      actorId: admin.userId,
      ...originOf(client),
    } as const;
    // The mail does not say where the administrator is.
    const written = await deps.truth.mails.writeToUser(userId, { kind: 'password-reset' }, event);
    if (!written) throw notFound('user');
    deps.mailSender.wake();
  };
