import type { User } from '../core/account';
import { invalidCredentials, unauthenticated } from '../core/errors';
import type { Principal } from '../guard/guard';
import { type Client, originOf } from './client';
import type { Dependencies } from './dependencies';

/** The caller's account, after they have shown that they know its password. Counts as an attempt at it. */
export async function confirmPassword(
  { truth, passwords, limits, recordRefusal }: Dependencies,
  { userId, sessionId }: Principal,
  password: string,
  client: Client,
): Promise<User> {
  const user = await truth.users.findById(userId);
  if (!user || user.disabled) throw unauthenticated('TOKEN_REVOKED');
  await limits.passwordAttempt(user.email, client.ipAddress);
  if (!(await passwords.matches(user.passwordHash, password))) {
    const type = 'PASSWORD_CONFIRMATION_FAILED';
    recordRefusal({ type, userId, actorId: userId, sessionId, ...originOf(client) });
    throw invalidCredentials();
  }
  return user;
}
