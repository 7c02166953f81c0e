import type { Role } from '../core/claims';
import { TokenfenceError } from '../core/errors';
import { toGraphQLError } from './graphql-error';
import type { AuthResult, Guard, Principal } from './guard';
import { authorizationOf, type RequestWithHeaders } from './request';
import { checkRole, requireUser as requirePrincipal } from './require-user';

/** The argument of a context function: a request, or an object that holds it as `req` or `request`. */
export type ContextArgument =
  RequestWithHeaders | { readonly req: RequestWithHeaders } | { readonly request: RequestWithHeaders };

const requestIn = (argument: ContextArgument): RequestWithHeaders =>
  'req' in argument ? argument.req : 'request' in argument ? argument.request : argument;

/** The GraphQL context that the guard's helpers need. */
export interface AuthContext {
  readonly auth: AuthResult;
}

/**
 * Creates the context function of an Apollo Server, for `{ req }` and for Fastify's `(request)`. It never throws for a
 * bad token: call `requireUser` in fields that need a user.
 *
 * @example
 * startStandaloneServer(server, { context: apolloContext(guard) });
 */
export const apolloContext =
  (guard: Guard) =>
  async (argument: ContextArgument): Promise<AuthContext> => ({
    auth: await guard.authenticate(authorizationOf(requestIn(argument))),
  });

/**
 * Returns the principal of a request, for use in resolvers.
 *
 * @param roles at most one: the role that the user must have
 * @throws GraphQLError `UNAUTHENTICATED` (401) with `extensions.reason`, `FORBIDDEN` (403) without the role, or
 * `SERVICE_UNAVAILABLE` (503) if the token could not be checked
 * @throws TypeError for an invalid role, including an explicit `undefined`
 * @example
 * secrets: (_parent, _args, context) => secretsOf(requireUser(context, 'ADMIN').userId)
 */
export function requireUser(context: AuthContext, ...roles: [role?: Role]): Principal {
  try {
    return requirePrincipal(context, ...roles);
  } catch (error) {
    throw error instanceof TokenfenceError ? toGraphQLError(error) : error;
  }
}

/**
 * Creates an `authChecker` for type-graphql. `@Authorized()` needs a user, `@Authorized('ADMIN')` an administrator. Of
 * several roles, one is enough.
 *
 * @example
 * buildSchema({ resolvers, authChecker: typeGraphqlAuthChecker() });
 */
export const typeGraphqlAuthChecker =
  () =>
  ({ context }: { readonly context: AuthContext }, roles: readonly Role[]): boolean => {
    roles.forEach(checkRole);
    const principal = requireUser(context);
    if (roles.length === 0 || roles.includes(principal.role)) return true;
    requireUser(context, ...(roles.slice(0, 1) as [Role]));
    return false;
  };
