import { extendSchema, type GraphQLSchema, isObjectType, parse } from 'graphql';
import { effectiveRole } from '../core/shape';

/**
 * Adds the application's roles to the enum `Role`. type-graphql keeps one enum for the whole process, so each schema
 * extends its own copy. A role that the settings no longer name counts as `USER`.
 */
export function withRoles(schema: GraphQLSchema, roles: readonly string[]): GraphQLSchema {
  const values = roles.map((role) => `"A role of the application." ${role}`).join(' ');
  const extended =
    roles.length === 0 ? schema : extendSchema(schema, parse(`extend enum Role { ${values} }`));
  const user = extended.getType('User');
  if (!isObjectType(user)) throw new Error('The schema has no type User.');
  const { role } = user.getFields();
  if (role) role.resolve = (source: { role: string }) => effectiveRole(source.role, roles);
  return extended;
}
