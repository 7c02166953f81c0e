import type { User } from '../core/account';
import { isId } from '../core/claims';
import { notFound } from '../core/errors';
import { listUsers } from './browse';
import { disableUser, enableUser, setRole } from './change-user';
import { deleteUser } from './delete-user';
import type { Dependencies, RoleSettings } from './dependencies';
import { forceLogout, forceLogoutAll } from './force-logout';
import { sendPasswordReset } from './send-password-reset';

export type AdminDependencies = Pick<
  Dependencies,
  'truth' | 'revoker' | 'hooks' | 'rateLimits' | 'mailSender' | 'canMail'
> & { readonly settings: RoleSettings };

/** Finds the user with this id or email. Throws `NOT_FOUND`. */
const findUser =
  ({ truth }: Pick<Dependencies, 'truth'>) =>
  async (name: string): Promise<User> => {
    const id = name.toLowerCase();
    const user = await (isId(id) ? truth.users.findById(id) : truth.users.findByEmail(name));
    if (!user) throw notFound('user');
    return user;
  };

/** The use cases of administrators, as the command line has them too. They need no tokens. */
export const createAdminActions = (deps: AdminDependencies) => ({
  findUser: findUser(deps),
  listUsers: listUsers(deps),
  disableUser: disableUser(deps),
  enableUser: enableUser(deps),
  setRole: setRole(deps),
  deleteUser: deleteUser(deps),
  forceLogout: forceLogout(deps),
  forceLogoutAll: forceLogoutAll(deps),
  sendPasswordReset: sendPasswordReset(deps),
});

export type AdminActions = ReturnType<typeof createAdminActions>;
