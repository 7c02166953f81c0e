import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { GraphQLDateTime } from 'graphql-scalars';
import { type AuthChecker, buildSchemaSync } from 'type-graphql';
import type { Actions } from '../actions/actions';
import type { Role } from '../core/shape';
import { requireUser } from '../guard/require-user';
import { AccountAdminResolver } from './account-admin.resolver';
import { AdminResolver } from './admin.resolver';
import { AuthResolver } from './auth.resolver';
import type { Context } from './context';
import { FederationResolver } from './federation.resolver';
import { LinkResolver } from './link.resolver';
import { guardRootFields } from './root-fields';
import { withRoles } from './roles';
import { SubscriptionResolver } from './subscription.resolver';
import { UserResolver } from './user.resolver';

const authChecker: AuthChecker<Pick<Context, 'auth'>, Role> = ({ context }, roles) => {
  requireUser(context, ...(roles.slice(0, 1) as [Role?]));
  return true;
};

const notUsed = () => {
  throw new Error('Not used: subscriptions take their events from the socket.');
};

export interface SchemaOptions {
  /** Adds what gateways ask for, so that this is a subgraph. */
  readonly federation?: boolean;
  readonly production?: boolean;
  /** The application's roles, beside `USER` and `ADMIN`. */
  readonly roles?: readonly string[];
}

export function createSchema(
  actions: Actions,
  { federation = false, production = false, roles = [] }: SchemaOptions = {},
): GraphQLSchema {
  const resolvers = [
    AuthResolver,
    LinkResolver,
    UserResolver,
    AdminResolver,
    AccountAdminResolver,
    SubscriptionResolver,
  ] as const;
  const instances = new Map<unknown, object>(resolvers.map((each) => [each, new each(actions)]));
  instances.set(FederationResolver, new FederationResolver(production));
  const built = buildSchemaSync({
    resolvers: federation ? [...resolvers, FederationResolver] : resolvers,
    authChecker,
    container: { get: (resolver) => instances.get(resolver) },
    // type-graphql requires one as soon as the schema has a subscription.
    pubSub: { publish: notUsed, subscribe: notUsed },
    scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
    // Otherwise the error would echo the input, with the password.
    validate: { validationError: { target: false, value: false }, forbidUnknownValues: true },
    // A quarter of the time to build it. The schema does not differ between starts: a test checks it.
    skipCheck: true,
  });
  const schema = withRoles(built, roles);
  guardRootFields(schema, actions);
  return schema;
}
