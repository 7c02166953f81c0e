import type { User } from '../core/account';
import { invalidCredentials, unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';
import { rehash } from './rehash';
import { countPasswordAttempt } from './try-password';

/** Returns the caller's account. Throws `UNAUTHENTICATED` if it was deleted or disabled after the token was checked. */
export async function ownAccount({ truth }: Dependencies, { userId }: Principal): Promise<User> {
  const user = await truth.users.findById(userId);
  if (!user || user.disabled) throw unauthenticated('TOKEN_REVOKED');
  return user;
}

/**
 * Returns the hash that the password fits, which is one of ours. Throws `INVALID_CREDENTIALS` if it is wrong. Counts as a
 * password attempt.
 */
export async function checkOwnPassword(
  deps: Dependencies,
  { user, sessionId }: { readonly user: User; readonly sessionId: string },
  password: string,
  client: Client,
): Promise<string> {
  const isRight = await countPasswordAttempt(deps, { email: user.email, sessionId }, client);
  const { passwordHash } = user;
  const right = await isRight(() => Promise.resolve(passwordHash), password);
  const current = right ? await rehash(deps, user, password, client) : undefined;
  if (current) return current.passwordHash;
  const type = 'PASSWORD_CONFIRMATION_FAILED';
  deps.recordRefusal({ type, userId: user.id, actorId: user.id, sessionId, ...originOf(client) });
  throw invalidCredentials();
}
