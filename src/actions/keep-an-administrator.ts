import { conflict } from '../core/errors';
import type { Tables } from '../core/ports/truth';
import type { Alongside } from '../revocation/revoke';

/** Wraps a change to a user, which fails with `CONFLICT` if it would leave no enabled administrator. */
export function keepAnAdministrator(change: (tables: Tables) => Promise<void>): Alongside<undefined> {
  return {
    before: (tables) => tables.users.lockAdministrators(),
    then: async (tables, user) => {
      await change(tables);
      if (user?.role === 'ADMIN' && (await tables.users.countEnabledAdministrators()) === 0) {
        throw conflict('This is the last enabled administrator. Create another one first.');
      }
      return undefined;
    },
  };
}
