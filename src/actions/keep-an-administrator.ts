import { conflict } from '../core/errors';
import type { User } from '../core/account';
import type { Tables } from '../core/ports/truth';
import type { Alongside } from '../revocation/revoke';

/** Wraps a change to a user, which fails with `CONFLICT` if it would leave no enabled administrator. */
export function keepAnAdministrator(
  change: (tables: Tables, user: User) => Promise<void>,
): Alongside<undefined> {
  return {
    before: (tables) => tables.users.lockAdministrators(),
    then: async (tables, user) => {
      if (user) await change(tables, user);
      if (user?.role === 'ADMIN' && (await tables.users.countEnabledAdministrators()) === 0) {
        throw conflict('This is the last enabled administrator. Create another one first.');
      }
      return undefined;
    },
  };
}
