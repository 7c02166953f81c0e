import type { User } from '../core/account';
import { invalidCredentials, unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { countPasswordAttempt } from './try-password';

/** The caller's account. Throws `UNAUTHENTICATED` if it was deleted or disabled since the token was judged. */
export async function ownAccount({ truth }: Dependencies, { userId }: Principal): Promise<User> {
  const user = await truth.users.findById(userId);
  if (!user || user.disabled) throw unauthenticated('TOKEN_REVOKED');
  return user;
}

/** Throws `INVALID_CREDENTIALS` unless this is the password of the account. Counts as an attempt at it. */
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
