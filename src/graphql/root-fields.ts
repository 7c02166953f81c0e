import {
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLSchema,
  isObjectType,
  OperationTypeNode,
} from 'graphql';
import type { Actions } from '../actions/actions';
import { tookTooLong } from '../core/errors';
import type { Context } from './context';

type Resolver = GraphQLFieldResolver<unknown, Context>;

/** Mutations that need no sign-in. Their use cases count by account, token or address. */
const COUNTED_ELSEWHERE = new Set(['register', 'login', 'refresh', 'logout']);

/** Counted with `logout`, apart from other writes, which must not keep a user from ending everything. */
const LOGOUTS = new Set(['logoutEverywhere']);

/** Ends a query with `SERVICE_UNAVAILABLE` at the deadline. Its work continues, and the result is dropped. */
const inTime =
  (resolve: Resolver): Resolver =>
  async (source, args, context, info) => {
    // A field of a mutation's result: the mutation has taken effect, so its result is waited for.
    if (info.operation.operation !== OperationTypeNode.QUERY) return resolve(source, args, context, info);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(tookTooLong()), context.deadline - performance.now());
    });
    try {
      return await Promise.race([resolve(source, args, context, info), late]);
    } finally {
      clearTimeout(timer);
    }
  };

/** Before each mutation: refuses to begin after the deadline, checks the caller's token again, and counts the write. */
function createMutationGuard(actions: Pick<Actions, 'countWrite'>) {
  const checked = new WeakSet<Context>();
  return (resolve: Resolver, name: string): Resolver => {
    const isCounted = !COUNTED_ELSEWHERE.has(name);
    const kind = LOGOUTS.has(name) ? 'logout' : 'write';
    return async (source, args, context, info) => {
      if (performance.now() > context.deadline) throw tookTooLong();
      // The first was just checked with its request.
      if (checked.has(context)) context.auth = await context.authenticate();
      checked.add(context);
      // Without a valid token the resolver refuses.
      if (isCounted && context.auth.ok)
        await actions.countWrite(context.auth.principal, context.client, kind);
      return resolve(source, args, context, info);
    };
  };
}

function wrapFields(
  type: GraphQLObjectType | null | undefined,
  wrap: (resolve: Resolver, name: string) => Resolver,
): void {
  for (const field of Object.values(type?.getFields() ?? {})) {
    if (field.resolve) field.resolve = wrap(field.resolve, field.name);
  }
}

/** Gives every query a deadline, and guards every mutation, including fields added later. */
export function guardRootFields(schema: GraphQLSchema, actions: Pick<Actions, 'countWrite'>): void {
  wrapFields(schema.getMutationType(), createMutationGuard(actions));
  wrapFields(schema.getQueryType(), inTime);
  const user = schema.getType('User');
  wrapFields(isObjectType(user) ? user : undefined, (resolve, name) =>
    name === 'sessions' ? inTime(resolve) : resolve,
  );
}
