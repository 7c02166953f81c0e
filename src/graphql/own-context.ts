import { type GraphQLFieldResolver, OperationTypeNode } from 'graphql';
import type { Shape } from '../core/shape';
import type { AuthResult } from '../guard/guard';
import type { Context, SubscriptionContext } from './context';
import { type PresentError, requestError } from './errors';

/** What we add to the context of a GraphQL server, which may hold anything else. */
export interface AddedContext<Own = Context, S extends Shape = Shape> {
  /** The result of the check, for `requireUser`. */
  auth: AuthResult<S>;
  /** What our own resolvers need. */
  readonly tokenfence: Own;
}

/** Makes the context of a server of the one that our resolvers get. */
export const contextOf = <Own extends Pick<SubscriptionContext, 'auth'>>(own: Own): AddedContext<Own> => ({
  auth: own.auth,
  tokenfence: own,
});

/** Returns our part of a context; `undefined` if it has none. */
export const ownPartOf = (context: unknown): Context | undefined =>
  (context as Partial<AddedContext> | undefined)?.tokenfence;

/**
 * Makes the guard of a context see that our part has read the token again. An application may have put another result in
 * its place. That stays, unless the token has ended meanwhile.
 *
 * @param before what our part had read before
 */
export function passOn(
  context: Partial<AddedContext>,
  { auth }: Pick<Context, 'auth'>,
  before: AuthResult,
): void {
  const isOurs = context.auth === before;
  const hasEnded = before.ok && !auth.ok;
  if (isOurs || hasEnded) context.auth = auth;
}

const MISSING =
  'The context of this GraphQL server lacks what our resolvers need. Spread it into yours: ' +
  'context: async (...args) => ({ ...(await auth.context(...args)) }).';

const OVER_HTTP = 'Send this by POST: over a WebSocket we serve only subscriptions.';

type Resolver = GraphQLFieldResolver<unknown, Context>;

/** Wraps a resolver of ours for any server: it gets our part of the context, and throws what a client may see. */
export function createOwned(present: PresentError) {
  return (resolve: Resolver): GraphQLFieldResolver<unknown, AddedContext> =>
    (source, args, context, info) => {
      const own = ownPartOf(context);
      // A subscription has no client.
      const requestId = own && 'client' in own ? own.client.requestId : undefined;
      const fail = (error: unknown): never => {
        throw present(error, requestId) as Error;
      };
      const before = own?.auth;
      // An error in a list is the error of its item.
      const shown = (answer: unknown): unknown =>
        Array.isArray(answer) && answer.some((each) => each instanceof Error)
          ? answer.map((each: unknown) => (each instanceof Error ? present(each, requestId) : each))
          : answer;
      const end = () => {
        // A mutation may have read the token again.
        if (own && before) passOn(context, own, before);
      };
      try {
        if (!own) throw new Error(MISSING);
        if (!('client' in own) && info.operation.operation !== OperationTypeNode.SUBSCRIPTION)
          throw requestError('BAD_REQUEST', OVER_HTTP);
        const answer: unknown = resolve(source, args, own, info);
        return answer instanceof Promise ? answer.then(shown, fail).finally(end) : answer;
      } catch (error) {
        return fail(error);
      }
    };
}
