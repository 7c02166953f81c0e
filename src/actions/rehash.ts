import type { User } from '../core/account';
import { askerOf, type Client } from './client';
import type { Dependencies } from './dependencies';

type WithPassword = User & { readonly passwordHash: string };

/**
 * Replaces an imported hash by one of ours, after the password was confirmed. Returns the user with the hash that is
 * stored now; nothing if the password no longer fits.
 *
 * Call it after you confirm a password, before you open or change anything under its hash. Then only a new password
 * replaces a current hash, and no request is refused because another one rehashed at the same time.
 */
export async function rehash(
  deps: Pick<Dependencies, 'truth' | 'passwords'>,
  user: User,
  password: string,
  client: Client,
): Promise<WithPassword | undefined> {
  const { truth, passwords } = deps;
  const { passwordHash: before } = user;
  if (before === undefined) return undefined;
  if (await passwords.isCurrent(before)) return { ...user, passwordHash: before };
  const after = await passwords.hash(password, askerOf(client));
  if (await truth.users.rehash(user.id, before, after)) return { ...user, passwordHash: after };
  // Another request was faster. It has rehashed the same password, or set another one.
  const now = await truth.users.findById(user.id);
  const hashNow = now?.passwordHash;
  if (!now || hashNow === undefined) return undefined;
  const fits = await passwords.matches(() => Promise.resolve(hashNow), password, askerOf(client));
  return fits ? { ...now, passwordHash: hashNow } : undefined;
}
