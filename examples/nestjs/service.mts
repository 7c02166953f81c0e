// A Nest service with GraphQL that accepts the access tokens of an auth server.
import 'reflect-metadata';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule, ID, Query, Resolver } from '@nestjs/graphql';
import { apolloContext, type Principal, type ServiceGuard } from 'tokenfence';
import { AuthModule, CurrentUser, GUARD, NeedsRole, Public } from './auth.mjs';

@Resolver()
class ReportResolver {
  @Public()
  @Query(() => String, { description: 'For everyone.' })
  hello(): string {
    return 'Hello!';
  }

  @Query(() => ID, { description: 'For signed-in users.' })
  whoami(@CurrentUser() user: Principal): string {
    return user.userId;
  }

  @Query(() => String, { description: 'For signed-in users too: nothing else is said.' })
  motto(): string {
    return 'Log a user out, and be sure.';
  }

  @NeedsRole('ADMIN')
  @Query(() => String, { description: 'For administrators.' })
  report(@CurrentUser() user: Principal): string {
    return `All is well, ${user.userId}.`;
  }
}

@Module({
  imports: [
    AuthModule,
    GraphQLModule.forRootAsync<ApolloDriverConfig>({
      driver: ApolloDriver,
      inject: [GUARD],
      useFactory: (guard: ServiceGuard) => ({
        autoSchemaFile: true,
        context: apolloContext(guard),
        includeStacktraceInErrorResponses: false,
        // Refusals have their status: 401, 403 or 503. By default Nest makes all of them 200.
        preserveHttpStatusForExecutionErrors: false,
        // Otherwise a field resolver would run for everyone who may call its parent.
        fieldResolverEnhancers: ['guards'],
      }),
    }),
  ],
  providers: [ReportResolver],
})
class ServiceModule {}

const app = await NestFactory.create(ServiceModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT ?? '4004'));
console.log(`The Nest service is ready at ${await app.getUrl()}/graphql`);
