// A type-graphql service that accepts the access tokens of an auth server.
import 'reflect-metadata';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import {
  type AuthContext,
  apolloContext,
  createGuard,
  requireUser,
  typeGraphqlAuthChecker,
} from 'tokenfence';
import { Authorized, buildSchema, Ctx, ID, Query, Resolver } from 'type-graphql';

@Resolver()
class ReportResolver {
  @Query(() => String, { description: 'For everyone.' })
  hello(): string {
    return 'Hello!';
  }

  @Authorized()
  @Query(() => ID, { description: 'For signed-in users.' })
  whoami(@Ctx() context: AuthContext): string {
    return requireUser(context).userId;
  }

  @Authorized('ADMIN')
  @Query(() => String, { description: 'For administrators.' })
  report(@Ctx() context: AuthContext): string {
    return `All is well, ${requireUser(context).userId}.`;
  }
}

async function main(): Promise<void> {
  const { ISSUER = 'http://localhost:4000', INTROSPECTION_SECRET, PORT = '4002' } = process.env;
  const guard = await createGuard({ issuer: ISSUER, audience: 'api', secret: INTROSPECTION_SECRET });

  const server = new ApolloServer<AuthContext>({
    schema: await buildSchema({ resolvers: [ReportResolver], authChecker: typeGraphqlAuthChecker() }),
    includeStacktraceInErrorResponses: false,
    // After the last request. From then on no logout waits for this service.
    plugins: [{ serverWillStart: () => Promise.resolve({ serverWillStop: () => guard.close() }) }],
  });
  const { url } = await startStandaloneServer(server, {
    context: apolloContext(guard),
    listen: { port: Number(PORT) },
  });
  console.log(`The type-graphql service is ready at ${url}`);
}

void main();
