import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { type AuthChecker, buildSchemaSync } from 'type-graphql';
import type { Actions } from '../actions/actions';
import type { Role } from '../core/claims';
import { requireUser } from '../guard/require-user';
import { AdminResolver } from './admin.resolver';
import { AuthResolver } from './auth.resolver';
import type { Context } from './context';
import { UserResolver } from './user.resolver';

const authChecker: AuthChecker<Context, Role> = ({ context }, [role]) => {
  requireUser(context, role);
  return true;
};

/** The schema with its resolvers bound to the use cases. */
export function createSchema(actions: Actions): GraphQLSchema {
  const resolvers = new Map<unknown, object>([
    [AuthResolver, new AuthResolver(actions)],
    [UserResolver, new UserResolver(actions)],
    [AdminResolver, new AdminResolver(actions)],
  ]);
  return buildSchemaSync({
    resolvers: [AuthResolver, UserResolver, AdminResolver],
    authChecker,
    container: { get: (resolver) => resolvers.get(resolver) },
    scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
    // The input would be echoed with the error otherwise, and the password with it.
    validate: { validationError: { target: false, value: false }, forbidUnknownValues: true },
  });
}
