import { isRole, rolesWith } from '../core/shape';
import type { SettingsReader } from './settings';

const MOST_ROLES = 32;

const EVERYWHERE = rolesWith([]);

/** Returns what is wrong with a role, as the end of a sentence. @param before the roles before it */
function faultOf(role: string, before: readonly string[]): string | undefined {
  const hasForm: boolean = isRole(role);
  if (!hasForm)
    return `"${role}", which is not a role. Write a capital letter, then capital letters, digits and underscores: at most 32.`;
  if (EVERYWHERE.includes(role)) return `${role}, which every server has. Leave it out.`;
  return before.includes(role) ? `${role} twice. Leave one out.` : undefined;
}

/** Reads the application's roles. */
export function readRoles(read: SettingsReader): readonly string[] {
  const roles = read.list('ROLES');
  if (roles.length > MOST_ROLES) read.fault(`ROLES names ${roles.length} roles. Name at most ${MOST_ROLES}.`);
  roles.forEach((role, index) => {
    const fault = faultOf(role, roles.slice(0, index));
    if (fault !== undefined) read.fault(`ROLES names ${fault}`);
  });
  return roles;
}
