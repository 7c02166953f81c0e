import { badUserInput, forbidden } from '../core/errors';
import { requireUser } from '../guard/require-user';
import type { Context } from './context';
import { Role } from './role.type';
import { toUserType, type UserType } from './user.type';

/** Returns the id in a representation of a user. The gateway may send further fields, which are never read. */
function idIn(representation: unknown): string {
  const { __typename, id } = Object(representation) as {
    readonly __typename?: unknown;
    readonly id?: unknown;
  };
  if (__typename !== 'User' || typeof id !== 'string')
    throw badUserInput('A representation must be a User with an id.');
  return id;
}

/**
 * Returns the user that another subgraph names, or null. The rules are those of `me` and `user`: everyone may read
 * their own account, and administrators every one. Who may not learns nothing, not even whether the account exists.
 */
export async function findEntity(
  representation: unknown,
  context: Pick<Context, 'auth' | 'users'>,
): Promise<UserType | null> {
  const id = idIn(representation);
  const { userId, sessionId, role } = requireUser(context);
  if (id.toLowerCase() !== userId && role !== Role.ADMIN)
    throw forbidden('Only the user and administrators may read this account.');
  const user = await context.users.load(id);
  return user ? toUserType(user, sessionId) : null;
}
