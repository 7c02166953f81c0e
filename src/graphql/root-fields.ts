import {
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLSchema,
  isObjectType,
  OperationTypeNode,
} from 'graphql';
import type { Actions } from '../actions/actions';
import { before } from '../core/deadline';
import { tookTooLong } from '../core/errors';
import type { Context } from './context';
import { type AddedContext, ownPartOf, passOn } from './own-context';
import type { OwnFields } from './own-fields';
import { COST_OF_MUTATION } from './query-limits';

type Resolver = GraphQLFieldResolver<unknown, Context>;

/** Mutations that need no sign-in. Their use cases count by account, token or address. */
const COUNTED_ELSEWHERE = new Set([
  'register',
  'login',
  'refresh',
  'logout',
  'requestPasswordReset',
  'resetPassword',
  'verifyEmail',
  'confirmEmailChange',
  'acceptInvitation',
]);

/** Counted with `logout`, apart from other writes, which must not keep a user from ending everything. */
const LOGOUTS = new Set(['logoutEverywhere']);

/** Ends a query with `SERVICE_UNAVAILABLE` at the deadline. Its work continues, and the result is dropped. */
const inTime =
  (resolve: Resolver): Resolver =>
  async (source, args, context, info) => {
    // A field of a mutation's result: the mutation has taken effect, so its result is waited for.
    if (info.operation.operation !== OperationTypeNode.QUERY) return resolve(source, args, context, info);
    const left = context.deadline - performance.now();
    return before(left, () => resolve(source, args, context, info), tookTooLong);
  };

/** Before each mutation: refuses to begin after the deadline, checks the caller's token again, and counts the write. */
function createMutationGuard(actions: Pick<Actions, 'countWrite'>) {
  return (resolve: Resolver, name: string): Resolver => {
    const isCounted = !COUNTED_ELSEWHERE.has(name);
    const kind = LOGOUTS.has(name) ? 'logout' : 'write';
    return async (source, args, context, info) => {
      if (performance.now() > context.deadline) throw tookTooLong();
      // The first was just checked with its request.
      if (context.hasMutated) context.auth = await context.authenticate();
      context.hasMutated = true;
      // Without a valid token the resolver refuses.
      if (isCounted && context.auth.ok)
        await actions.countWrite(context.auth.principal, context.client, kind);
      return resolve(source, args, context, info);
    };
  };
}

const fieldsOf = (type: GraphQLNamedType | null | undefined) =>
  isObjectType(type) ? Object.values(type.getFields()) : [];

/** Gives every query a deadline, and every mutation its cost and its guard, including fields added later. */
export function guardRootFields(schema: GraphQLSchema, actions: Pick<Actions, 'countWrite'>): void {
  const guarded = createMutationGuard(actions);
  for (const field of fieldsOf(schema.getMutationType())) {
    field.extensions = { ...field.extensions, complexity: COST_OF_MUTATION };
    if (field.resolve) field.resolve = guarded(field.resolve, field.name);
  }
  const sessions = fieldsOf(schema.getType('User')).filter(({ name }) => name === 'sessions');
  for (const field of [...fieldsOf(schema.getQueryType()), ...sessions]) {
    if (field.resolve) field.resolve = inTime(field.resolve);
  }
}

/**
 * Makes the mutations of another team see that an earlier mutation of the same operation has ended the token: each but
 * the first reads the token again. So does each of ours after one of theirs.
 */
export function recheckForeignMutations(schema: GraphQLSchema, own: OwnFields): void {
  for (const field of fieldsOf(schema.getMutationType())) {
    const { resolve } = field;
    if (own.has('Mutation', field.name) || !resolve) continue;
    field.resolve = async (source, args, context: Partial<AddedContext>, info) => {
      const part = ownPartOf(context);
      // Over a WebSocket every operation begins with a check, and none of ours is a mutation.
      if (part && 'authenticate' in part) {
        const { auth, hasMutated } = part;
        part.hasMutated = true;
        if (hasMutated) {
          part.auth = await part.authenticate();
          passOn(context, part, auth);
        }
      }
      return await resolve(source, args, context, info);
    };
  }
}
