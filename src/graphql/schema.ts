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
import { guardRootFields } from './root-fields';
import { SubscriptionResolver } from './subscription.resolver';
import { UserResolver } from './user.resolver';
import { limitWrites } from './write-limit';

const authChecker: AuthChecker<Pick<Context, 'auth'>, Role> = ({ context }, roles) => {
  requireUser(context, ...(roles.slice(0, 1) as [Role?]));
  return true;
};

const notUsed = () => {
  throw new Error('Not used: subscriptions take their events from the socket.');
};

/** type-graphql requires one as soon as the schema has a subscription. */
const noPubSub = { publish: notUsed, subscribe: notUsed };

export function createSchema(actions: Actions): GraphQLSchema {
  const resolvers = new Map<unknown, object>([
    [AuthResolver, new AuthResolver(actions)],
    [UserResolver, new UserResolver(actions)],
    [AdminResolver, new AdminResolver(actions)],
    [SubscriptionResolver, new SubscriptionResolver()],
  ]);
  const schema = buildSchemaSync({
    resolvers: [AuthResolver, UserResolver, AdminResolver, SubscriptionResolver],
    authChecker,
    container: { get: (resolver) => resolvers.get(resolver) },
    pubSub: noPubSub,
    scalarsMap: [{ type: Date, scalar: GraphQLDateTime }],
    // Otherwise the error would echo the input, with the password.
    validate: { validationError: { target: false, value: false }, forbidUnknownValues: true },
  });
  limitWrites(schema, actions);
  return guardRootFields(schema);
}
