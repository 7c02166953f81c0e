import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType, OperationTypeNode } from 'graphql';
import { tookTooLong } from '../core/errors';
import type { Context } from './context';

type Resolver = GraphQLFieldResolver<unknown, Context>;

/** Wraps the resolvers of a type's fields. */
function wrap(
  schema: GraphQLSchema,
  typeName: string | undefined,
  around: (resolve: Resolver) => Resolver,
  isWanted: (name: string) => boolean = () => true,
): void {
  const type = typeName === undefined ? undefined : schema.getType(typeName);
  for (const field of Object.values(isObjectType(type) ? type.getFields() : {})) {
    if (field.resolve && isWanted(field.name)) field.resolve = around(field.resolve);
  }
}

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

/** Checks the caller's token before each mutation, and begins none after the deadline. */
function checkingCaller(): (resolve: Resolver) => Resolver {
  const checked = new WeakSet<Context>();
  return (resolve) => async (source, args, context, info) => {
    if (performance.now() > context.deadline) throw tookTooLong();
    // The first was just checked with its request.
    if (checked.has(context)) context.auth = await context.authenticate();
    checked.add(context);
    return resolve(source, args, context, info);
  };
}

/** Gives every query a deadline, and checks the caller's token again before every mutation. */
export function guardRootFields(schema: GraphQLSchema): GraphQLSchema {
  wrap(schema, schema.getMutationType()?.name, checkingCaller());
  wrap(schema, schema.getQueryType()?.name, inTime);
  wrap(schema, 'User', inTime, (name) => name === 'sessions');
  return schema;
}
