import type { User } from '../core/account';
import { conflict, notFound } from '../core/errors';
import type { Tables, Transaction } from '../core/ports/truth';
import type { Alongside } from '../revocation/revoke';

async function refuseTheLast({ users }: Tables, user: User): Promise<void> {
  if (user.role !== 'ADMIN') return;
  const isEnabled = !user.disabled && !user.pending;
  if ((await users.countEnabledAdministrators()) <= (isEnabled ? 1 : 0))
    throw conflict('This is the last enabled administrator. Create another one first.');
}

/**
 * Wraps a change to a user, which fails with `CONFLICT` if it would leave no enabled administrator. The change runs after
 * that check, so that a hook of the application can be its last part.
 *
 * @param lends whether the change lends the connection to a hook
 */
export function keepAnAdministrator(
  change: (tables: Transaction, user: User) => Promise<void>,
  lends = false,
): Alongside<undefined> {
  return {
    before: (tables) => tables.users.lockAdministrators(),
    then: async (tables, user) => {
      if (!user) throw notFound('user');
      await refuseTheLast(tables, user);
      await change(tables, user);
      return undefined;
    },
    lends,
  };
}
