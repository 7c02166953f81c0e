import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType, OperationTypeNode } from 'graphql';
import { tookTooLong } from '../core/errors';
import type { Context } from './context';

type Resolver = GraphQLFieldResolver<unknown, Context>;

/** Wraps the resolver of each of the type's fields that have one and pass the filter. */
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

/** The answer to a query, or `SERVICE_UNAVAILABLE` at the deadline. What was begun goes on, and is answered to nobody. */
const inTime =
  (resolve: Resolver): Resolver =>
  async (source, args, context, info) => {
    // A mutation has had its effect, whose answer is worth waiting for.
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

/** Judges the caller before each mutation, and begins none after the deadline. */
function afresh(): (resolve: Resolver) => Resolver {
  const judged = new WeakSet<Context>();
  return (resolve) => async (source, args, context, info) => {
    if (performance.now() > context.deadline) throw tookTooLong();
    // The first one has just been judged with its request.
    if (judged.has(context)) context.auth = await context.authenticate();
    judged.add(context);
    return resolve(source, args, context, info);
  };
}

/** Gives every query its deadline, and every mutation the authority that its caller has when it begins. */
export function guardRootFields(schema: GraphQLSchema): GraphQLSchema {
  wrap(schema, schema.getMutationType()?.name, afresh());
  wrap(schema, schema.getQueryType()?.name, inTime);
  wrap(schema, 'User', inTime, (name) => name === 'sessions');
  return schema;
}
