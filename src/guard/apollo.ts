import type { Role } from '../core/claims';
import { TokenfenceError } from '../core/errors';
import { toGraphQLError } from './graphql-error';
import type { AuthResult, Guard, Principal } from './guard';
import { authorizationOf, type RequestWithHeaders } from './request';
import { checkRole, requireUser as requirePrincipal } from './require-user';

/** What a server hands to a context function: a request, or something that holds it. */
export type ContextArgument =
  RequestWithHeaders | { readonly req: RequestWithHeaders } | { readonly request: RequestWithHeaders };

const requestIn = (argument: ContextArgument): RequestWithHeaders =>
  'req' in argument ? argument.req : 'request' in argument ? argument.request : argument;

/** What resolvers get. */
export interface AuthContext {
  readonly auth: AuthResult;
}

/**
 * The context function of an Apollo server: `context: apolloContext(guard)`, for servers that hand over `{ req }` and for
 * Fastify's `(request)`. It never throws for a bad token: a field that needs a user says so by `requireUser`.
 */
export const apolloContext =
  (guard: Guard) =>
  async (argument: ContextArgument): Promise<AuthContext> => ({
    auth: await guard.authenticate(authorizationOf(requestIn(argument))),
  });

/**
 * The principal of a request. Throws the `GraphQLError` that tells its client why there is none: `UNAUTHENTICATED` (401)
 * with `extensions.reason`, `FORBIDDEN` (403) without the role, `SERVICE_UNAVAILABLE` (503) when it could not be told. A
 * role that is given and is none, `undefined` too, is a `TypeError`.
 */
export function requireUser(context: AuthContext, ...roles: [role?: Role]): Principal {
  try {
    return requirePrincipal(context, ...roles);
  } catch (error) {
    throw error instanceof TokenfenceError ? toGraphQLError(error) : error;
  }
}

/**
 * An `authChecker` for type-graphql: `@Authorized()` needs a user, `@Authorized('ADMIN')` one of that role. With several
 * roles, one of them is enough.
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
