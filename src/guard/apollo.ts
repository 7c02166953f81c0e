import type { GraphQLError } from 'graphql';
import { TokenfenceError } from '../core/errors';
import type { Requirement, Shape } from '../core/shape';
import { toGraphQLError } from './graphql-error';
import type { AuthResult, Guard, Principal } from './guard';
import { authorizationOf, type RequestWithHeaders } from './request';
import { readRequirement, type Requirements, requireUser as requirePrincipal } from './require-user';

/** The argument of a context function: a request, or an object that holds it as `req` or `request`. */
export type ContextArgument =
  RequestWithHeaders | { readonly req: RequestWithHeaders } | { readonly request: RequestWithHeaders };

const requestIn = (argument: ContextArgument): RequestWithHeaders =>
  'req' in argument ? argument.req : 'request' in argument ? argument.request : argument;

/** The GraphQL context that the guard's helpers need. */
export interface AuthContext<S extends Shape = Shape> {
  readonly auth: AuthResult<S>;
}

/**
 * Creates the context function of an Apollo Server, for `{ req }` and for Fastify's `(request)`. It never throws for a
 * bad token: call `requireUser` in fields that need a user.
 *
 * @example
 * startStandaloneServer(server, { context: apolloContext(guard) });
 */
export const apolloContext =
  <S extends Shape>(guard: Guard<S>) =>
  async (argument: ContextArgument): Promise<AuthContext<S>> => ({
    auth: await guard.authenticate(authorizationOf(requestIn(argument))),
  });

/**
 * Returns the principal of a request, for use in resolvers.
 *
 * @param requirements at most one: a role, or `{ role, maxAge }`, in s since the user signed in or confirmed the password
 * @throws GraphQLError `UNAUTHENTICATED` (401) with `extensions.reason`, `FORBIDDEN` (403) without the role,
 * `INSUFFICIENT_USER_AUTHENTICATION` (401) with `extensions.maxAge`, or `SERVICE_UNAVAILABLE` (503) if the token could
 * not be checked
 * @throws TypeError for an invalid requirement, including an explicit `undefined`
 * @example
 * secrets: (_parent, _args, context) => secretsOf(requireUser(context, 'ADMIN').userId)
 */
export function requireUser<S extends Shape>(
  context: AuthContext<S>,
  ...requirements: Requirements<S>
): Principal<S> {
  try {
    return requirePrincipal(context, ...requirements);
  } catch (error) {
    throw error instanceof TokenfenceError ? toGraphQLError(error) : error;
  }
}

function refusalBy<S extends Shape>(context: AuthContext<S>, requirement: Requirement<S>): unknown {
  try {
    requireUser(context, requirement);
    return undefined;
  } catch (error) {
    return error;
  }
}

const isTooOld = (error: unknown) =>
  (error as GraphQLError).extensions.code === 'INSUFFICIENT_USER_AUTHENTICATION';

/**
 * Creates an `authChecker` for type-graphql. `@Authorized()` needs a user, `@Authorized('ADMIN')` an administrator,
 * `@Authorized({ maxAge: 300 })` a recent sign-in. Of several requirements, one is enough.
 *
 * @example
 * buildSchema({ resolvers, authChecker: typeGraphqlAuthChecker() });
 */
export const typeGraphqlAuthChecker =
  <S extends Shape = Shape>() =>
  ({ context }: { readonly context: AuthContext<S> }, requirements: readonly Requirement<S>[]): boolean => {
    requirements.forEach(readRequirement);
    requireUser(context);
    const refusals = requirements.map((requirement) => refusalBy(context, requirement));
    if (refusals.includes(undefined) || refusals.length === 0) return true;
    // Of several, the one that the user can do something about.
    throw refusals.find((error) => isTooOld(error)) ?? refusals[0];
  };
