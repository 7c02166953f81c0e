// Tokenfence in Nest: the guard, and the decorators for resolvers. Copy this file.
import {
  type CanActivate,
  Catch,
  createParamDecorator,
  type ExecutionContext,
  Global,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  SetMetadata,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, Reflector } from '@nestjs/core';
import { type GqlExceptionFilter, GqlExecutionContext } from '@nestjs/graphql';
import { GraphQLError } from 'graphql';
import { type AuthContext, createGuard, requireUser, type Role, type ServiceGuard } from 'tokenfence';

/** The guard of this service, for `@Inject`. */
export const GUARD = Symbol('guard');

/** Lets everyone call a resolver. Without it, a resolver is for signed-in users. */
export const Public = () => SetMetadata('public', true);

/** Lets only users with this role call a resolver. */
export const NeedsRole = (role: Role) => SetMetadata('roles', [role]);

const contextOf = (context: ExecutionContext) =>
  GqlExecutionContext.create(context).getContext<AuthContext>();

/** The user of the request, as a parameter: `whoami(@CurrentUser() user: Principal)`. */
export const CurrentUser = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  requireUser(contextOf(context)),
);

/** Runs before every resolver. Throws 401, 403 or 503 with the codes of the auth server. */
@Injectable()
class UserGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const read = <T,>(name: string) =>
      this.reflector.getAllAndOverride<T | undefined>(name, [context.getHandler(), context.getClass()]);
    if (!read<boolean>('public')) requireUser(contextOf(context), ...(read<[Role]>('roles') ?? []));
    return true;
  }
}

/** Passes refusals on. Nest would log each as a fault of the service. */
@Catch(GraphQLError)
class RefusalFilter implements GqlExceptionFilter {
  catch(refusal: GraphQLError): GraphQLError {
    return refusal;
  }
}

const { ISSUER = 'http://localhost:4000', INTROSPECTION_SECRET } = process.env;

@Global()
@Module({
  providers: [
    {
      provide: GUARD,
      useFactory: () => createGuard({ issuer: ISSUER, audience: 'api', secret: INTROSPECTION_SECRET }),
    },
    { provide: APP_GUARD, useClass: UserGuard },
    { provide: APP_FILTER, useClass: RefusalFilter },
  ],
  exports: [GUARD],
})
export class AuthModule implements OnApplicationShutdown {
  constructor(@Inject(GUARD) private readonly guard: ServiceGuard) {}

  /** After the last request. From then on no logout waits for this service. */
  onApplicationShutdown(): Promise<void> {
    return this.guard.close();
  }
}
