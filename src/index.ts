// The package that other services import. It must load neither the server nor the server's dependencies.
export { createGuard, type GuardStatus, type ServiceGuard } from './guard/create-guard';
export {
  type GivenKeys,
  type GuardOptions,
  GuardOptionsError,
  type IntrospectionSettings,
  type RedisClient,
} from './guard/guard-options';
export type { AuthResult, Guard, Principal } from './guard/guard';
export {
  apolloContext,
  type AuthContext,
  type ContextArgument,
  requireUser,
  typeGraphqlAuthChecker,
} from './guard/apollo';
export {
  type ExpressGuardOptions,
  type ExpressMiddleware,
  type ExpressRequest,
  type ExpressResponse,
  expressGuard,
} from './guard/express';
export {
  type FastifyGuardPlugin,
  type FastifyLike,
  type FastifyReplyLike,
  fastifyGuard,
  fastifyRequireUser,
} from './guard/fastify';
export {
  type GraphqlWsGuardOptions,
  type GraphqlWsHooks,
  graphqlWsGuard,
  type GuardedSocket,
  type SocketContext,
  type TellingGuard,
} from './guard/graphql-ws';
export { authOf, type RequestWithHeaders } from './guard/request';
export type { AccessTokenClaims, VerifiedToken } from './core/claims';
export type { Clock } from './core/clock';
export type { ClaimsOf, Requirement, Role, RoleOf, Shape } from './core/shape';
export type { UnauthenticatedReason } from './core/errors';
export type { Logger } from './core/ports/logger';
export type { Metrics } from './core/ports/metrics';
export type { LearnedRevocation, LoggedRevocation, Revocation } from './core/revocation';
