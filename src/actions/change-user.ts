import type { User } from '../core/account';
import { notFound } from '../core/errors';
import type { Receipt } from '../core/receipt';
import { type Actor, type ActorClient, originOf } from './client';
import { checkRole } from './check-role';
import type { Dependencies, RoleSettings } from './dependencies';
import { keepAnAdministrator } from './keep-an-administrator';

type ChangingUsers = Pick<Dependencies, 'truth' | 'revoker'>;
type ChangingRoles = ChangingUsers & Pick<Dependencies, 'hooks'> & { readonly settings: RoleSettings };

export interface ChangedUser {
  readonly user: User;
  /** The receipt of what the change ended, if anything. */
  readonly receipt?: Receipt;
}

async function userOf({ truth }: Pick<Dependencies, 'truth'>, userId: string): Promise<User> {
  const user = await truth.users.findById(userId);
  if (!user) throw notFound('user');
  return user;
}

/** Disables a user: ends all their sessions and tokens, and refuses logins until they are enabled. */
export const disableUser =
  (deps: ChangingUsers) =>
  async (
    admin: Actor,
    userId: string,
    reason: string | undefined,
    client: ActorClient,
  ): Promise<ChangedUser> => {
    const before = await userOf(deps, userId);
    if (before.disabled) return { user: before, receipt: await deps.revoker.confirmPending('USER', userId) };
    const { receipt } = await deps.revoker.revoke(
      { scope: 'USER', userId, carryOver: 'none' },
      { type: 'USER_DISABLED', userId, actorId: admin.userId, reason, ...originOf(client) },
      keepAnAdministrator((tables) => tables.users.change(userId, { disabled: true })),
    );
    return { user: await userOf(deps, userId), receipt };
  };

/** Enables a user. Ended tokens stay ended: disabling raised the version. */
export const enableUser =
  (deps: ChangingUsers) =>
  async (admin: Actor, userId: string, client: ActorClient): Promise<ChangedUser> => {
    await deps.truth.transaction(async (tables) => {
      const user = await tables.users.lock(userId);
      if (!user) throw notFound('user');
      if (!user.disabled) return;
      await tables.users.change(userId, { disabled: false });
      await tables.audit.append({ type: 'USER_ENABLED', userId, actorId: admin.userId, ...originOf(client) });
    });
    return { user: await userOf(deps, userId) };
  };

/** Sets a user's role. Tokens carry the role, so all are revoked. Sessions continue, and refresh into the new role. */
export const setRole =
  (deps: ChangingRoles) =>
  async (admin: Actor, userId: string, role: User['role'], client: ActorClient): Promise<ChangedUser> => {
    const { hooks } = deps;
    const origin = originOf(client);
    checkRole(role, deps.settings);
    const before = await userOf(deps, userId);
    if (before.role === role)
      return { user: before, receipt: await deps.revoker.confirmPending('USER', userId) };
    const { receipt } = await deps.revoker.revoke(
      { scope: 'USER', userId, carryOver: 'all' },
      {
        type: 'ROLE_CHANGED',
        userId,
        actorId: admin.userId,
        reason: `${before.role} to ${role}`,
        ...origin,
      },
      keepAnAdministrator(async (tables, { role: previousRole, ...user }) => {
        await tables.users.change(userId, { role });
        await hooks.run('changingRole', tables, { user: { ...user, role }, previousRole, client: origin });
      }, hooks.has('changingRole')),
    );
    return { user: await userOf(deps, userId), receipt };
  };
