import type { User } from '../core/account';
import { invalidCredentials, unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { countPasswordAttempt } from './try-password';

/** Returns the caller's account. Throws `UNAUTHENTICATED` if it was deleted or disabled after the token was checked. */
export async function ownAccount({ truth }: Dependencies, { userId }: Principal): Promise<User> {
  const user = await truth.users.findById(userId);
  if (!user || user.disabled) throw unauthenticated('TOKEN_REVOKED');
  return user;
}

/** Throws `INVALID_CREDENTIALS` if the password is wrong. Counts as a password attempt. */
export async function confirmPassword(
  deps: Dependencies,
  { user, sessionId }: { readonly user: User; readonly sessionId: string },
  password: string,
  client: Client,
): Promise<void> {
  const isRight = await countPasswordAttempt(deps, { email: user.email, sessionId }, client);
  if (await isRight(() => Promise.resolve(user.passwordHash), password)) return;
  const type = 'PASSWORD_CONFIRMATION_FAILED';
  deps.recordRefusal({ type, userId: user.id, actorId: user.id, sessionId, ...originOf(client) });
  throw invalidCredentials();
}
