import { badUserInput } from '../core/errors';
import { rolesWith } from '../core/shape';
import type { RoleSettings } from './dependencies';

/** Throws `BAD_USER_INPUT` for a role that is not configured. The schema checks it too; the command line has none. */
export function checkRole(role: string, { roles }: RoleSettings): void {
  const known = rolesWith(roles);
  if (!known.includes(role)) throw badUserInput(`There is no role ${role}. There are ${known.join(', ')}.`);
}
